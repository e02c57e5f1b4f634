"""What a client in another language meets: each step prints one line of JSON, which a test compares.

Run with the connection string of a server whose store is empty.
"""

import json
import sys
import time

from kurrentdbclient import KurrentDBClient, NewEvent, StreamState


def say(step, **found):
    print(json.dumps({"step": step, **found}), flush=True)


def refusal(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__
    return None


def briefly(events):
    return [f"{event.stream_name}/{event.stream_position} {event.type}" for event in events]


def taken(subscription, count, word):
    events = []
    for event in subscription:
        events.append(event)
        word(subscription, event)
        if len(events) == count:
            break
    return events


def streams(client):
    placed = NewEvent(type="Placed", data=b'{"total": 12}', metadata=b'{"by": "clerk"}')
    paid = NewEvent(type="Paid", data=b"\x00\xff", content_type="application/octet-stream")
    append = client.append_to_stream
    append("Order-1", current_version=StreamState.NO_STREAM, events=[placed, paid])
    append("Order-1", current_version=StreamState.NO_STREAM, events=[placed, paid])
    conflict = refusal(lambda: append("Order-1", current_version=7, events=[NewEvent(type="Paid", data=b"{}")]))
    read = client.get_stream("Order-1")
    say(
        "append",
        events=briefly(read),
        conflict=conflict,
        same=read[0].id == placed.id and read[0].data == placed.data and read[0].metadata == placed.metadata,
        bytes=read[1].data == paid.data and read[1].content_type == paid.content_type,
    )
    append("Order-2", current_version=StreamState.ANY, events=[NewEvent(type="Placed", data=b"{}")])
    say(
        "read",
        backwards=briefly(client.get_stream("Order-1", backwards=True, limit=1)),
        everything=briefly(client.read_all()),
        view=briefly(client.get_stream("$ce-Order", resolve_links=True)),
        missing=refusal(lambda: client.get_stream("Nobody")),
    )
    with client.subscribe_to_all(filter_include=["Paid"]) as subscription:
        say("subscribe", events=briefly([next(subscription)]))


def persistent(client):
    create = client.create_subscription_to_stream
    create(group_name="group", stream_name="Order-1", consumer_strategy="RoundRobin", max_subscriber_count=1)
    again = refusal(lambda: create(group_name="group", stream_name="Order-1"))
    with client.read_subscription_to_stream(group_name="group", stream_name="Order-1") as subscription:
        events = taken(subscription, 2, lambda reader, event: reader.nack(event, "park"))
        full = refusal(lambda: client.read_subscription_to_stream(group_name="group", stream_name="Order-1"))
    say("park", events=briefly(events), again=again, full=full)


def await_parked(client, count):
    for _ in range(200):
        info = client.get_subscription_info(group_name="group", stream_name="Order-1")
        if info.parked_message_count == count:
            return
        time.sleep(0.02)
    raise AssertionError("the events were not parked in time")


def replayed(client):
    await_parked(client, 2)
    client.replay_parked_events(group_name="group", stream_name="Order-1")
    with client.read_subscription_to_stream(group_name="group", stream_name="Order-1") as subscription:
        events = taken(subscription, 2, lambda reader, event: reader.ack(event))
    say("replay", events=briefly(events))
    client.create_subscription_to_all(group_name="all", filter_include=["Placed"])
    with client.read_subscription_to_all(group_name="all") as subscription:
        events = taken(subscription, 2, lambda reader, event: reader.ack(event))
    info = client.get_subscription_info(group_name="all")
    listed = sorted(f"{one.event_source}::{one.group_name}" for one in client.list_subscriptions())
    say("all", events=briefly(events), source=info.event_source, listed=listed)
    delete = client.delete_stream
    say(
        "refuse",
        late=refusal(lambda: delete("Order-1", current_version=0)),
        never=refusal(lambda: delete("Nobody", current_version=StreamState.ANY)),
        untracked=refusal(lambda: client.create_projection(name="mute", query="", track_emitted_streams=True)),
    )
    client.delete_subscription(group_name="group", stream_name="Order-1")
    gone = refusal(lambda: client.get_subscription_info(group_name="group", stream_name="Order-1"))
    client.tombstone_stream("Order-2", current_version=StreamState.ANY)
    say("delete", subscription=gone, stream=refusal(lambda: client.get_stream("Order-2")))


with KurrentDBClient(sys.argv[1]) as connected:
    streams(connected)
    persistent(connected)
    replayed(connected)
