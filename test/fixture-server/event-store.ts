// Decides which events of a session the fixture can send again.
import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';

const EVENTS_MAX = 1_000;

/** The last events of one session, in memory; an event's id names its stream and its place. */
export function createEventStore(): EventStore {
  const events: { readonly id: string; readonly streamId: string; readonly message: JSONRPCMessage }[] = [];
  let count = 0;
  return {
    async storeEvent(streamId, message) {
      const id = `${streamId}.${++count}`;
      events.push({ id, streamId, message });
      if (events.length > EVENTS_MAX) events.shift();
      return id;
    },
    async getStreamIdForEventId(eventId) {
      return events.find(({ id }) => id === eventId)?.streamId;
    },
    async replayEventsAfter(lastEventId, { send }) {
      const from = events.findIndex(({ id }) => id === lastEventId);
      const streamId = events[from]?.streamId;
      if (streamId === undefined) throw new Error('the event is not known (any more)');
      // A priming event is stored as an empty message: there is nothing to send again.
      const missed = events
        .slice(from + 1)
        .filter((event) => event.streamId === streamId && 'jsonrpc' in event.message);
      for (const { id, message } of missed) await send(id, message);
      return streamId;
    },
  };
}
