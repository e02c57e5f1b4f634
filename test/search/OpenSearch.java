// One node of OpenSearch on 127.0.0.1, for tests: OpenSearch.java <home> <HTTP port> <transport port>

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

public final class OpenSearch {
  /** The constructor that takes plugins from the class path is for subclasses only. */
  private static final class OneNode extends Node {
    OneNode(Settings settings, Path config) {
      super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), config, () -> "varve-test"),
          List.of(Netty4Plugin.class), false);
    }
  }

  public static void main(String[] args) throws Exception {
    Settings settings = Settings.builder()
        .put("path.home", args[0])
        .put("cluster.name", "varve-test")
        .put("network.host", "127.0.0.1")
        .put("http.port", args[1])
        .put("transport.port", args[2])
        .put("http.type", "netty4")
        .put("transport.type", "netty4")
        .put("discovery.type", "single-node")
        .put("node.processors", 2)
        // A test needs little, however full the disk of whoever runs it is.
        .put("cluster.routing.allocation.disk.threshold_enabled", false)
        .build();
    new OneNode(settings, Path.of(args[0], "config")).start();
    new CountDownLatch(1).await();
  }
}
