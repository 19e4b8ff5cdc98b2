import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LIMITS } from '../../core/limits.ts';
import {
  callerOf,
  catalogOf,
  NOW_MS,
  principalOf,
  serverOf,
  stateOf,
  type World,
  worldOf,
} from '../../test/support/ext-proc-world.ts';
import { openStream } from './listen.ts';
import type { StreamSink } from './table.ts';

let world: World;
let written: string[];
let ended: boolean;
const sink: StreamSink = {
  write: (text) => void written.push(text),
  end: () => {
    ended = true;
  },
  pendingBytes: () => 0,
};
beforeEach(() => {
  world = worldOf();
  written = [];
  ended = false;
});
afterEach(() => world.close());

function opened() {
  const outcome = openStream(callerOf(world, { want: 'stream' }), stateOf());
  if (outcome.kind !== 'stream') throw new Error(outcome.kind);
  return { headers: Object.fromEntries(outcome.headers), forget: outcome.open(sink) };
}

test('a stream begins with its headers and a comment that sends them off', () => {
  expect(opened().headers).toEqual({
    ':status': '200',
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
  });
  expect(written).toEqual([': open\n\n']);
  expect(world.gateway.streams.size).toBe(1);
});

describe('a change of the catalog', () => {
  const change = async (): Promise<void> => {
    world.gateway.streams.changed();
    await new Promise(setImmediate);
  };
  const TOLD = 'data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n';
  test('is told when this caller sees another list', async () => {
    opened();
    world.catalog = catalogOf({ servers: [serverOf('memory', ['read_graph', 'new']), serverOf('files', ['read'])] });
    await change();
    expect(written).toEqual([': open\n\n', TOLD]);
  });
  test('is not told when it does not', async () => {
    opened();
    world.catalog = catalogOf({ revision: 8 });
    await change();
    expect(written).toEqual([': open\n\n']);
  });
  test('that takes the surface away, and brings it back, is told then', async () => {
    opened();
    world.catalog = catalogOf({ surfaces: [] });
    await change();
    expect(written).toEqual([': open\n\n']);
    world.catalog = catalogOf();
    await change();
    expect(written).toContain(TOLD);
  });
});

test('when there are too many it is refused', () => {
  world.close();
  world = worldOf({
    streams: {
      open: () => () => {},
      full: true,
      end: () => {},
      changed: () => {},
      close: () => {},
      size: LIMITS.streamsMax,
    },
  });
  const outcome = openStream(callerOf(world, { want: 'stream' }), stateOf());
  expect(outcome).toMatchObject({ kind: 'immediate', answer: { status: 503, details: 'chancery_too_many_streams' } });
});

test('it does not outlive the bearer token by more than clocks may differ', () => {
  let expiresAtMs = 0;
  world.close();
  world = worldOf({
    streams: {
      open: (stream) => {
        expiresAtMs = stream.expiresAtMs;
        return () => {};
      },
      full: false,
      end: () => {},
      changed: () => {},
      close: () => {},
      size: 0,
    },
  });
  const caller = {
    ...callerOf(world, { want: 'stream' }),
    principal: principalOf('alice', { expiresAtMs: NOW_MS + 5 }),
  };
  const outcome = openStream(caller, stateOf({ expiresAtMs: NOW_MS + 3_600_000 }));
  if (outcome.kind === 'stream') outcome.open(sink);
  expect(expiresAtMs).toBe(NOW_MS + 5 + LIMITS.clockSkewMs);
  expect(ended).toBe(false);
});
