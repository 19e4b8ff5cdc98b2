// Decides how a test plays the backends behind calls whose answers are passed on as they come.
import type { CallEnd, CallRequest, EgressCalls } from '../../core/mcp/egress-call.ts';

export interface FakeCall {
  readonly request: CallRequest;
  readonly state: 'open' | 'closed' | 'ended';
  readonly paused: boolean;
  /** An answer begins; as a stream of events, unless it says otherwise. */
  head(status?: number, contentType?: string): void;
  event(data: string, id?: string, retry?: number): void;
  end(why?: CallEnd): void;
  /** It is refused with a status. */
  refuse(status: number): void;
}

export interface FakeCalls extends EgressCalls {
  /** In the order in which they were made. */
  readonly made: readonly FakeCall[];
  /** The latest one to a cluster. @throws Error when there is none. */
  to(cluster: string): FakeCall;
}

/** Calls that are answered as the test says; until then they are open. Held against the interface: nothing comes after an end. */
export function fakeCalls(): FakeCalls {
  const made: FakeCall[] = [];
  return {
    made,
    to(cluster) {
      const call = made.findLast(({ request }) => request.cluster === cluster);
      if (call === undefined) throw new Error(`no call was made to ${cluster}`);
      return call;
    },
    open(request) {
      let state: FakeCall['state'] = 'open';
      let paused = false;
      const alive = (): boolean => state === 'open';
      const call: FakeCall = {
        request,
        get state() {
          return state;
        },
        get paused() {
          return paused;
        },
        head(status = 200, contentType = 'text/event-stream') {
          if (alive())
            request.onOpen({ status, contentType, sessionId: '', by: { replica: '127.0.0.1:1', attempts: '1' } });
        },
        event(data, id, retry) {
          if (alive())
            request.onEvent({ data, ...(id !== undefined && { id }), ...(retry !== undefined && { retry }) });
        },
        end(why = 'ended') {
          if (!alive()) return;
          state = 'ended';
          request.onEnd(why);
        },
        refuse(status) {
          call.head(status, 'application/json');
          call.end();
        },
      };
      made.push(call);
      return {
        close() {
          if (alive()) state = 'closed';
        },
        pause: () => {
          paused = true;
        },
        resume: () => {
          paused = false;
        },
      };
    },
    close() {},
  };
}
