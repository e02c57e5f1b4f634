import com.fasterxml.jackson.databind.ObjectMapper;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.kurrent.dbclient.*;
import java.time.Instant;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;

/**
 * What a client in another language meets: each step prints one line of JSON, which a test compares.
 *
 * Run with the connection string of a server whose store is empty.
 */
public class Scenario {
    static final ObjectMapper json = new ObjectMapper();
    static KurrentDBClient client;

    public static void main(String[] given) throws Exception {
        client = KurrentDBClient.create(KurrentDBConnectionString.parseOrThrow(given[0]));
        streams();
        subscriptions();
        several();
        persistent();
        projections();
        client.shutdown().get();
    }

    static void streams() throws Exception {
        EventData placed = EventData.builderAsJson("Placed", "{\"total\": 12}".getBytes())
                .metadataAsBytes("{\"by\": \"clerk\"}".getBytes()).build();
        EventData paid = EventData.builderAsBinary("Paid", new byte[] {0, (byte) 255}).build();
        AppendToStreamOptions first = AppendToStreamOptions.get().streamState(StreamState.noStream());
        client.appendToStream("Order-1", first, placed, paid).get();
        WriteResult again = client.appendToStream("Order-1", first, placed, paid).get();
        List<ResolvedEvent> read = client.readStream("Order-1", ReadStreamOptions.get()).get().getEvents();
        RecordedEvent kept = read.get(0).getEvent();
        say("append", "events", briefly(read), "again", again.getNextExpectedRevision().toString(),
                "conflict", refusal(client.appendToStream("Order-1", AppendToStreamOptions.get().streamRevision(7), event("Paid"))),
                "same", kept.getEventId().equals(placed.getEventId()) && Arrays.equals(kept.getUserMetadata(), placed.getUserMetadata()),
                "bytes", Arrays.equals(read.get(1).getEvent().getEventData(), paid.getEventData()));
        client.appendToStream("Order-2", event("Placed")).get();
        say("read", "backwards", briefly(client.readStream("Order-1", ReadStreamOptions.get().backwards().fromEnd().maxCount(1)).get().getEvents()),
                "everything", briefly(client.readAll().get().getEvents()),
                "view", briefly(client.readStream("$ce-Order", ReadStreamOptions.get().resolveLinkTos()).get().getEvents()),
                "missing", refusal(client.readStream("Nobody", ReadStreamOptions.get())),
                "never", refusal(client.deleteStream("Nobody")),
                "denied", refusal(client.readAll(ReadAllOptions.get().authenticated("admin", "wrong"))));
        StreamMetadata metadata = new StreamMetadata();
        metadata.setMaxCount(1L);
        metadata.setAcl(Acls.newStreamAcl().addReadRoles("admin"));
        client.setStreamMetadata("Order-1", metadata).get();
        ReadResult last = client.readStream("Order-1", ReadStreamOptions.get()).get();
        say("metadata", "same", client.getStreamMetadata("Order-1").get().equals(metadata), "events", briefly(last.getEvents()),
                "last", last.getLastStreamPosition());
    }

    static void subscriptions() throws Exception {
        BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
        SubscriptionListener listener = new SubscriptionListener() {
            @Override public void onEvent(Subscription of, ResolvedEvent event) { heard.add(briefly(List.of(event)).get(0)); }
            @Override public void onCaughtUp(Subscription of, Instant at, Long revision, Position position) { heard.add("caught up at " + revision); }
            @Override public void onCancelled(Subscription of, Throwable why) { heard.add(nameOf(why)); }
        };
        client.subscribeToStream("Order-2", listener).get();
        List<Object> seen = new ArrayList<>(List.of(next(heard), next(heard)));
        client.appendToStream("Order-2", event("Paid")).get();
        seen.add(next(heard));
        client.tombstoneStream("Order-2").get();
        seen.addAll(List.of(next(heard), next(heard)));
        SubscriptionFilter filter = SubscriptionFilter.newBuilder().withEventTypeRegularExpression("^Paid$").withMaxWindow(10).build();
        Subscription paid = client.subscribeToAll(listener, SubscribeToAllOptions.get().filter(filter)).get();
        seen.addAll(List.of(next(heard), next(heard)));
        paid.stop();
        say("subscribe", "heard", seen, "dead", refusal(client.appendToStream("Order-2", event("Paid"))));
    }

    static void several() throws Exception {
        List<EventData> events = List.of(event("Placed"), event("Paid"));
        MultiStreamAppendResponse done = client.multiStreamAppend(List.of(
                new AppendStreamRequest("Cart-1", events.iterator(), StreamState.noStream()),
                new AppendStreamRequest("Cart-2", events.iterator(), StreamState.any())).iterator()).get();
        say("several", "revisions", done.getResults().stream().map(one -> one.getStream() + "/" + one.getStreamRevision()).toList(),
                "conflict", refusal(client.multiStreamAppend(List.of(
                        new AppendStreamRequest("Cart-1", List.of(event("Paid")).iterator(), StreamState.noStream())).iterator())),
                "dead", refusal(client.multiStreamAppend(List.of(
                        new AppendStreamRequest("Order-2", List.of(event("Paid")).iterator(), StreamState.any())).iterator())));
    }

    static void persistent() throws Exception {
        KurrentDBPersistentSubscriptionsClient groups = KurrentDBPersistentSubscriptionsClient.from(client);
        groups.createToStream("Cart-1", "group", CreatePersistentSubscriptionToStreamOptions.get().fromStart()
                .namedConsumerStrategy(NamedConsumerStrategy.PINNED_BY_CORRELATION)).get();
        BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
        AtomicBoolean isToPark = new AtomicBoolean(true);
        groups.subscribeToStream("Cart-1", "group", new PersistentSubscriptionListener() {
            @Override public void onEvent(PersistentSubscription of, int retries, ResolvedEvent event) {
                heard.add(briefly(List.of(event)).get(0));
                if (isToPark.getAndSet(false)) of.nack(NackAction.Park, "later", event);
                else of.ack(event);
            }
            @Override public void onCancelled(PersistentSubscription of, Throwable why) { heard.add(nameOf(why)); }
        }).get();
        List<Object> seen = new ArrayList<>(List.of(next(heard), next(heard)));
        while (groups.getInfoToStream("Cart-1", "group").get().orElseThrow().getStats().getParkedMessageCount() == 0) Thread.sleep(20);
        groups.replayParkedMessagesToStream("Cart-1", "group").get();
        seen.add(next(heard));
        PersistentSubscriptionToStreamInfo info = groups.getInfoToStream("Cart-1", "group").get().orElseThrow();
        String again = refusal(groups.createToStream("Cart-1", "group"));
        groups.deleteToStream("Cart-1", "group").get();
        seen.add(next(heard));
        say("persistent", "heard", seen, "again", again, "strategy", info.getSettings().getNamedConsumerStrategy().toString(),
                "user", info.getConnections().get(0).getUsername(),
                "there", groups.getInfoToStream("Cart-1", "group").get().isPresent(), "beyond", refusal(groups.createToAll("beyond",
                        CreatePersistentSubscriptionToAllOptions.get().startFrom(1_000, 1_000))));
    }

    static void projections() throws Exception {
        KurrentDBProjectionManagementClient all = KurrentDBProjectionManagementClient.from(client);
        all.create("totals", "fromCategory('Cart').when({ $init: () => ({ count: 0 }), Paid: (s) => { s.count++ } })").get();
        Map<?, ?> state = Map.of();
        while (!(state.get("count") instanceof Number count && count.intValue() == 2)) state = all.getState("totals", Map.class).get();
        all.disable("totals").get();
        say("projections", "status", all.getStatus("totals").get().getStatus(), "unknown", refusal(all.enable("nothing")));
    }

    static EventData event(String type) {
        return EventData.builderAsJson(type, "{}".getBytes()).build();
    }

    static List<String> briefly(List<ResolvedEvent> events) {
        return events.stream().map(ResolvedEvent::getEvent)
                .map(event -> event.getStreamId() + "/" + event.getRevision() + " " + event.getEventType()).collect(Collectors.toList());
    }

    static Object next(BlockingQueue<Object> heard) throws InterruptedException {
        Object one = heard.poll(10, TimeUnit.SECONDS);
        if (one == null) throw new IllegalStateException("nothing was heard in time");
        return one;
    }

    static String refusal(CompletableFuture<?> call) throws InterruptedException {
        try {
            call.get();
            return null;
        } catch (ExecutionException error) {
            return nameOf(error.getCause());
        }
    }

    /** The class of an error, or what the server says of it where the client has no class. */
    static String nameOf(Throwable error) {
        if (!(error instanceof StatusRuntimeException status)) return error.getClass().getSimpleName();
        Metadata trailers = status.getTrailers();
        String exception = trailers == null ? null : trailers.get(Metadata.Key.of("exception", Metadata.ASCII_STRING_MARSHALLER));
        return status.getStatus().getCode() + (exception == null ? "" : " " + exception);
    }

    static void say(String step, Object... found) throws Exception {
        Map<String, Object> line = new LinkedHashMap<>(Map.of("step", step));
        for (int at = 0; at < found.length; at += 2) line.put((String) found[at], found[at + 1]);
        System.out.println(json.writeValueAsString(line));
    }
}
