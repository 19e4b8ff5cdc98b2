import { mkdtempSync, rmSync } from 'node:fs';
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXT_PROC_METHOD } from '../core/contract.ts';
import type { GrpcServer } from '../core/grpc/server.ts';
import { type Answer, readAnswer } from '../test/support/ext-proc-answers.ts';
import { grpcFrame, requestBody, requestHeaders } from '../test/support/ext-proc-requests.ts';
import { request, type World, worldOf } from '../test/support/ext-proc-world.ts';
import { createService } from './service.ts';

const folder = mkdtempSync(join(tmpdir(), 'chy-service-'));
const socketPath = join(folder, 's.sock');
let world: World;
let service: GrpcServer;
let client: ClientHttp2Session;

beforeAll(async () => {
  world = worldOf();
  service = createService(world.gateway);
  await service.listen(socketPath);
  client = http2.connect('http://localhost', {
    createConnection: () => connect(socketPath),
  } as http2.ClientSessionOptions);
});
afterAll(async () => {
  client.destroy();
  await service.close();
  world.close();
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly answers: readonly Answer[];
  readonly status: string;
}
/** Speaks as Envoy does: what it has to say, then the end when the answer is there. */
function exchange(headers: Record<string, string> = {}): { stream: ClientHttp2Stream; ended: Promise<Ended> } {
  const stream = client.request({
    ':method': 'POST',
    ':path': EXT_PROC_METHOD,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  const chunks: Buffer[] = [];
  let status = '';
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('trailers', (trailers) => {
    status = String(trailers['grpc-status']);
  });
  stream.on('error', () => {});
  stream.on('end', () => stream.end());
  const ended = new Promise<Ended>((resolve) =>
    stream.on('close', () => {
      const answers: Answer[] = [];
      const bytes = Buffer.concat(chunks);
      for (let at = 0; at < bytes.length; ) {
        const length = bytes.readUInt32BE(at + 1);
        answers.push(readAnswer([bytes.subarray(at + 5, at + 5 + length)]));
        at += 5 + length;
      }
      resolve({ answers, status });
    }),
  );
  return { stream, ended };
}

const headersOf = (over: Record<string, string> = {}): Buffer =>
  requestHeaders({
    headers: Object.entries({
      ':method': 'POST',
      ':path': '/mcp',
      authorization: 'Bearer alice',
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-session-id': world.token(),
      ...over,
    }),
  });
const PING = JSON.stringify(request('ping'));

describe('over a real socket', () => {
  test('a request is answered once, wherever its bytes are cut', async () => {
    const bytes = Buffer.concat([
      grpcFrame(headersOf()),
      grpcFrame(requestBody(PING.slice(0, 9), false)),
      grpcFrame(requestBody(PING.slice(9))),
    ]);
    for (let at = 1; at < bytes.length; at++) {
      const { stream, ended } = exchange();
      stream.write(bytes.subarray(0, at), () => stream.end(bytes.subarray(at)));
      expect(await ended, `cut at ${at}`).toMatchObject({ status: '0', answers: [{ kind: 'immediate', status: 200 }] });
    }
  });

  test('a call goes on', async () => {
    const { stream, ended } = exchange();
    stream.write(grpcFrame(headersOf()));
    stream.end(grpcFrame(requestBody(JSON.stringify(request('tools/call', { name: 'memory__read_graph' })))));
    expect(await ended).toMatchObject({
      status: '0',
      answers: [{ kind: 'headers' }, { kind: 'body', endOfStream: true }],
    });
  });

  test.each<[string, Buffer]>([
    ['bytes that are no protobuf', grpcFrame(Buffer.from([0x0a, 0xff]))],
    ['headers that are no protobuf inside', grpcFrame(Buffer.from([0x12, 0x02, 0x0a, 0x7f]))],
    ['a message beyond every limit', Buffer.from([0, 0xff, 0xff, 0xff, 0xff])],
    ['a compressed message', Buffer.from([1, 0, 0, 0, 0])],
  ])('%s end the call with an error, so that Envoy refuses the request', async (_, bytes) => {
    const { stream, ended } = exchange();
    stream.write(grpcFrame(headersOf()));
    stream.write(bytes);
    expect(await ended).toEqual({ status: '13', answers: [] });
  });

  test('a caller that leaves in the middle leaves nothing behind', async () => {
    const { stream, ended } = exchange();
    stream.write(grpcFrame(headersOf()));
    stream.close(http2.constants.NGHTTP2_CANCEL);
    expect((await ended).answers).toEqual([]);
    const next = exchange();
    next.stream.write(grpcFrame(headersOf()));
    next.stream.end(grpcFrame(requestBody(PING)));
    expect((await next.ended).answers).toHaveLength(1);
  });

  test('a body of just the limit is taken in one message', async () => {
    const { stream, ended } = exchange();
    stream.write(grpcFrame(headersOf()));
    stream.end(grpcFrame(requestBody(PING + ' '.repeat(world.gateway.bodyBytesMax - PING.length))));
    expect(await ended).toMatchObject({ answers: [{ kind: 'immediate', status: 200 }] });
  });

  test('a repair is told apart by its initial metadata, and is no way around a token', async () => {
    const { stream, ended } = exchange({
      'x-chancery-part': 'repair',
      'x-chancery-repair': 'forged memory MQ',
      'x-chancery-upstream-host': 'a:1',
    });
    stream.end(grpcFrame(headersOf()));
    expect(await ended).toMatchObject({ answers: [{ kind: 'immediate', status: 503, details: 'chancery_repair' }] });
  });
});
