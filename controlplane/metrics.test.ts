import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

test('what was counted is shown under its name, by type, group and transport', async () => {
  const { xds, text } = createMetrics();
  xds.connected({ group: 'edge', transport: 'mtls' }, 1);
  xds.connected({ group: 'edge', transport: 'mtls' }, 1);
  xds.connected({ group: 'edge', transport: 'mtls' }, -1);
  xds.sent('CDS', 3, 100);
  xds.sent('CDS', 0, 10);
  xds.acked('CDS');
  xds.nacked('LDS');
  xds.pushed(30);
  const lines = (await text()).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'chancery_xds_streams{group="edge",transport="mtls"} 1',
      'chancery_xds_responses_total{type="CDS"} 2',
      'chancery_xds_resources_total{type="CDS"} 3',
      'chancery_xds_response_bytes_total{type="CDS"} 110',
      'chancery_xds_acks_total{type="CDS"} 1',
      'chancery_xds_nacks_total{type="LDS"} 1',
      'chancery_xds_push_seconds_bucket{le="0.025"} 0',
      'chancery_xds_push_seconds_bucket{le="0.05"} 1',
    ]),
  );
});

test('servers are shown as they are when somebody asks', async () => {
  let readable = true;
  const { text } = createMetrics(() => [{ server: 'memory', version: '1', readable }]);
  expect(await text()).toContain('chancery_server_readable{server="memory",version="1"} 1');
  readable = false;
  expect(await text()).toContain('chancery_server_readable{server="memory",version="1"} 0');
});

test('two instances count apart', async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.xds.acked('CDS');
  expect(await other.text()).not.toContain('chancery_xds_acks_total{');
});
