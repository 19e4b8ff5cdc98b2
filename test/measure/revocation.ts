// Decides how long a revocation takes to count everywhere: `revocation.ts [ROUNDS]` prints milliseconds from the API's answer.
import { openSession, raw, request } from '../support/clients.ts';
import { startStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const [count = '20'] = process.argv.slice(2);
const rounds = Number(count);

// Envoy takes the two ext-proc in turns: whoever is refused so often in a row is refused by both.
const stack = await startStack({ env: { CHANCERY_INSTANCES: '2' } });
const streams: number[] = [];
const calls: number[] = [];
try {
  for (let round = 0; round < rounds; round++) {
    const subject = `person-${round}`;
    const token = await stack.token('default', subject);
    const sessions = await Promise.all([1, 2, 3, 4].map(() => openSession(stack.mcp(), token)));
    const open = await Promise.all(sessions.map((session) => raw(stack.mcp(), { method: 'GET', token, session })));
    const ended = open.map((stream) => stream.text().catch(() => ''));
    const status = async () =>
      (await raw(stack.mcp(), { token, session: sessions[0] ?? '', body: request(1, 'ping') })).status;
    const end = new Date(Date.now() + 3_600_000).toISOString();
    await stack.api('PUT', `/v1/revocations/measured-${round}`, { subject, until: end });
    const from = performance.now();
    await Promise.all([
      Promise.all(ended).then(() => streams.push(performance.now() - from)),
      until(
        'each is refused',
        () => Promise.all(Array.from({ length: 8 }, status)),
        (found) => found.every((code) => code === 401),
      ).then(() => calls.push(performance.now() - from)),
    ]);
  }
} finally {
  await stack.stop();
  stack.remove();
}

const shown = (values: number[]): string => {
  const sorted = values.toSorted((a, b) => a - b).map(Math.round);
  return `median ${sorted[Math.floor(sorted.length / 2)]} ms, longest ${sorted.at(-1)} ms`;
};
console.log(`the last of four streams ended: ${shown(streams)}`);
console.log(`eight calls in a row refused: ${shown(calls)}`);
