// One node of Elasticsearch on 127.0.0.1, for tests: Elasticsearch.java <home> <HTTP port> <transport port>

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;

public final class Elasticsearch {
  public static void main(String[] args) throws Exception {
    LogConfigurator.configureESLogging();
    Settings settings = Settings.builder()
        .put("path.home", args[0])
        .put("cluster.name", "varve-test")
        .put("network.host", "127.0.0.1")
        .put("http.port", args[1])
        .put("transport.port", args[2])
        .put("discovery.type", "single-node")
        .put("node.processors", 2)
        // A test needs little, however full the disk of whoever runs it is.
        .put("cluster.routing.allocation.disk.threshold_enabled", false)
        .build();
    Path config = Path.of(args[0], "config");
    new Node(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), config, () -> "varve-test")).start();
    new CountDownLatch(1).await();
  }
}
