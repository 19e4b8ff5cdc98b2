// Decides how the clients of the bench are spread over processes, and asked together.
import type { Child, Children } from '../children.ts';
import { within } from '../deadline.ts';
import type { Order, Report, StartOrder, Totals } from './messages.ts';

export interface Fleet {
  /** Resolves when every client holds all that it subscribes to. */
  settled(deadlineMs: number): Promise<Totals>;
  /** Says of a change, before it is made, which resource it changes. Resolves to how it arrived. */
  watch(name: string, deadlineMs: number): Promise<{ readonly holders: number; readonly lastAckNs: bigint }>;
  totals(deadlineMs: number): Promise<Totals>;
}

export interface FleetOptions {
  readonly children: Children;
  readonly nodePath: string;
  readonly clientsFile: string;
  readonly env: Readonly<Record<string, string>>;
  readonly processes: number;
  readonly clients: number;
  readonly start: Omit<StartOrder['start'], 'first' | 'count'>;
}

export function startFleet({ children, nodePath, clientsFile, env, processes, clients, start }: FleetOptions): Fleet {
  const share = Math.ceil(clients / processes);
  const members = Array.from({ length: processes }, (_, index) => {
    const child = children.start({
      name: `clients ${index + 1}`,
      command: nodePath,
      args: [clientsFile],
      env,
      messages: true,
    });
    const first = index * share;
    return { child, order: { start: { ...start, first, count: Math.min(share, clients - first) } } };
  });
  const settled = Promise.all(
    members.map(({ child, order }) => ask(child, order, (report) => ('settled' in report ? report.totals : null))),
  );
  settled.catch(() => {});
  const all = <Answer>(order: Order, read: (report: Report) => Answer | null): Promise<Answer[]> =>
    Promise.all(members.map(({ child }) => ask(child, order, read)));
  return {
    settled: async (deadlineMs) => sum(await within('all clients hold everything', deadlineMs, settled)),
    async watch(name, deadlineMs) {
      const arrivals = all({ watch: { name } }, (report) =>
        'watched' in report && report.watched === name ? report : null,
      );
      const found = await within(`${name} reaches its clients`, deadlineMs, arrivals);
      const acks = found.flatMap(({ lastAckNs }) => (lastAckNs === '' ? [] : [BigInt(lastAckNs)]));
      return {
        holders: found.reduce((total, { holders }) => total + holders, 0),
        lastAckNs: acks.reduce((last, ns) => (ns > last ? ns : last), 0n),
      };
    },
    totals: async (deadlineMs) =>
      sum(
        await within(
          'the clients say what they received',
          deadlineMs,
          all({ totals: true }, (report) => ('totals' in report && !('settled' in report) ? report.totals : null)),
        ),
      ),
  };
}

function ask<Answer>(child: Child, order: Order, read: (report: Report) => Answer | null): Promise<Answer> {
  const answered = new Promise<Answer>((resolve, reject) => {
    const stop = child.onMessage((message) => {
      const report = message as Report;
      if ('trouble' in report) {
        stop();
        reject(new Error(report.trouble));
        return;
      }
      const answer = read(report);
      if (answer === null) return;
      stop();
      resolve(answer);
    });
  });
  child.send(order);
  return Promise.race([answered, child.ended]);
}

function sum(parts: readonly Totals[]): Totals {
  const add = (field: keyof Totals): number => parts.reduce((total, part) => total + part[field], 0);
  return {
    responses: add('responses'),
    resources: add('resources'),
    removed: add('removed'),
    bytes: add('bytes'),
    // Every process sees the same ones, as far as its clients hold what changed.
    pushes: Math.max(...parts.map(({ pushes }) => pushes)),
  };
}
