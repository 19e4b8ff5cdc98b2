import { expect, test, vi } from 'vitest';
import { until } from '../support/until.ts';
import { startXdsEnvoy } from '../support/xds-envoy.ts';

const TTL_MS = 1_000;

// The real ones are too long to wait for.
vi.mock('../../core/limits.ts', async (original) => {
  const { LIMITS } = await original<typeof import('../../core/limits.ts')>();
  return { LIMITS: { ...LIMITS, xdsHeartbeatMs: 200 } };
});

test.each(['DELTA_GRPC', 'GRPC'] as const)(
  'Envoy with %s keeps what is renewed, and gives it up when the control plane is gone',
  async (api) => {
    const envoy = await startXdsEnvoy({ api, aggregated: true, transport: 'unix' }, { ttlMs: TTL_MS });
    try {
      const entries = async () => JSON.parse(await envoy.admin('/runtime')).entries as Record<string, unknown>;
      const start = envoy.node().lastContactMs;
      await until(
        'heartbeats',
        () => envoy.node().lastContactMs - start,
        (passedMs) => passedMs > 3 * TTL_MS,
      );
      expect(await entries()).toHaveProperty(['chancery.test']);
      expect(envoy.node().types.every(({ nacked }) => nacked === null)).toBe(true);
      await envoy.stop();
      await until('the end of the TTL', entries, (found) => Object.keys(found).length === 0);
      expect((await envoy.call()).status).toBe(200);
    } finally {
      await envoy.close();
    }
  },
);
