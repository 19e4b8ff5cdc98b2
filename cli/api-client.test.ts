import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { resolveSettings } from '../core/runtime/settings.ts';
import { askApi } from './api-client.ts';
import { type Played, type PlayedApi, playApi } from './testdata/played-api.ts';

let api: PlayedApi | undefined;
afterEach(() => api?.close());

const ask = (url: string, question: Parameters<typeof askApi>[0]) =>
  askApi(question, {
    settings: resolveSettings({ config: '/dev/null' }, {}, tmpdir()),
    env: { CHANCERY_API_URL: url, CHANCERY_TOKEN: 'chk_1a2b3c4d_secret' },
  });

const answers: [string, Played, object][] = [
  ['JSON', { headers: { etag: '"x"' }, body: { a: 1 } }, { ok: true, status: 200, body: { a: 1 }, etag: '"x"' }],
  ['no body', { status: 204 }, { ok: true, status: 204 }],
  [
    'a body that is no JSON',
    { body: '<html>' },
    { ok: false, sentence: expect.stringContaining("is not Chancery's REST API") },
  ],
  ['a redirection', { status: 307, headers: { location: 'http://127.0.0.1:1/' } }, { ok: false, status: null }],
  [
    'a refusal of the token',
    { status: 401, body: { title: 'no' } },
    {
      ok: false,
      status: 401,
      sentence: expect.stringMatching(/does not take the token in CHANCERY_TOKEN: give another/),
    },
  ],
  [
    'a refusal',
    { status: 403, body: { title: 'another role is needed', detail: 'security' } },
    { ok: false, status: 403, sentence: 'another role is needed: security', problems: [] },
  ],
  [
    'problems',
    { status: 422, body: { title: 'no', problems: [{ document: 0, path: ['a', 0], message: 'x' }] } },
    { ok: false, problems: [{ document: 0, path: ['a', 0], message: 'x' }] },
  ],
];
test.each(answers)('an answer with %s is read', async (_, played, wanted) => {
  api = await playApi(tmpdir(), () => played);
  expect(await ask(api.url, { path: '/v1/x' })).toMatchObject(wanted);
});

test('a question brings the token, the parameters, the body and the reason', async () => {
  api = await playApi(tmpdir(), () => ({ body: {} }));
  const query = [
    ['label', 'a=b'],
    ['label', 'c'],
  ] as const;
  await ask(api.url, { method: 'POST', path: '/v1/x', query, body: { a: 1 }, why: 'größer' });
  expect(api.asked).toMatchObject([
    {
      method: 'POST',
      path: '/v1/x?label=a%3Db&label=c',
      headers: { authorization: 'Bearer chk_1a2b3c4d_secret' },
      body: '{"a":1}',
    },
  ]);
});

test('a connection that breaks during a write is told as one that may have written', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const read = await ask(url, { path: '/v1/x' });
  const written = await ask(url, { method: 'POST', path: '/v1/x', body: {} });
  server.close();
  expect(read).toMatchObject({ ok: false, sentence: expect.not.stringContaining('whether it wrote') });
  expect(written).toMatchObject({
    ok: false,
    sentence: expect.stringContaining('whether it wrote anything is not known'),
  });
});
