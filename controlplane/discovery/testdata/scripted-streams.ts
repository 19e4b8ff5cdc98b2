// Decides how streams behave at the edge that is faked: they begin and end, and say what they say, when the test says so.
import type { JsonObject } from '../../../core/json.ts';
import type { EgressStreams, StreamEnd, StreamRequest } from '../../../core/mcp/egress-stream.ts';

export interface ScriptedStream {
  readonly request: StreamRequest;
  begin(): void;
  say(message: JsonObject): void;
  end(why: StreamEnd['why'], status?: number): void;
  closed(): boolean;
}

export interface ScriptedStreams extends EgressStreams {
  readonly opened: readonly ScriptedStream[];
}

/** @param onOpen is given each stream as it is asked for; absent: it begins at once. */
export function scriptedStreams(
  onOpen: (stream: ScriptedStream) => void = (stream) => stream.begin(),
): ScriptedStreams {
  const opened: ScriptedStream[] = [];
  return {
    opened,
    close: () => {},
    open(request) {
      const began = Promise.withResolvers<boolean>();
      const ended = Promise.withResolvers<StreamEnd>();
      let closed = false;
      const end: ScriptedStream['end'] = (why, status = 200) => {
        began.resolve(false);
        ended.resolve({ why, status });
      };
      const stream: ScriptedStream = {
        request,
        begin: () => began.resolve(true),
        say: (message) => request.onMessage(message),
        end,
        closed: () => closed,
      };
      opened.push(stream);
      onOpen(stream);
      return {
        opened: began.promise,
        ended: ended.promise,
        close: () => {
          closed = true;
          end('closed');
        },
      };
    },
  };
}

/** A server that has no stream: normal. */
export const refuse = (stream: ScriptedStream): void => stream.end('refused', 405);
