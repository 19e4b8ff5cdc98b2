import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { grpcFrame } from '../../test/support/ext-proc-requests.ts';
import { createGrpcServer, type GrpcServer, type GrpcStream, type StreamHandler } from './server.ts';

const PATH = '/test.Service/Echo';
const MESSAGE_BYTES_MAX = 1000;

let folder: string;
let socketPath: string;
let server: GrpcServer;
let client: ClientHttp2Session;
let logged: string[];
let opened: GrpcStream[];
let events: string[];
let waiters: { readonly event: string; readonly wake: () => void }[];
let onMessage: (stream: GrpcStream, bytes: Buffer) => void;

function note(event: string): void {
  events.push(event);
  for (const waiter of waiters) if (waiter.event === event) waiter.wake();
}
const happened = (event: string): Promise<void> =>
  new Promise((resolve) => {
    if (events.includes(event)) resolve();
    else waiters.push({ event, wake: resolve });
  });

function echo(stream: GrpcStream): StreamHandler {
  opened.push(stream);
  return {
    message: (bytes) => {
      note(`message ${bytes.length}`);
      onMessage(stream, bytes);
    },
    halfClosed: () => {
      note('half-closed');
      stream.end();
    },
    closed: () => note('closed'),
  };
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'chy-grpc-'));
  socketPath = join(folder, 'g.sock');
  logged = [];
  opened = [];
  events = [];
  waiters = [];
  onMessage = (stream, bytes) => stream.send([bytes]);
  server = createGrpcServer({
    methods: { [PATH]: echo },
    messageBytesMax: MESSAGE_BYTES_MAX,
    log: pino({}, { write: (line) => void logged.push(line) }),
  });
  await server.listen(socketPath);
  client = http2.connect('http://localhost', {
    createConnection: () => connect(socketPath),
  } as http2.ClientSessionOptions);
  client.on('error', () => {});
});
afterEach(async () => {
  client.destroy();
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Call {
  readonly stream: ClientHttp2Stream;
  /** Resolves when the call has ended. */
  readonly ended: Promise<{
    readonly status: number;
    readonly trailers: Record<string, unknown>;
    readonly messages: string[];
  }>;
}
function call(path = PATH, headers: Record<string, string> = {}): Call {
  const stream = client.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  let status = 0;
  let trailers: Record<string, unknown> = {};
  const chunks: Buffer[] = [];
  stream.on('response', (answer) => {
    status = Number(answer[':status']);
    if (answer['grpc-status'] !== undefined) trailers = { ...answer };
  });
  stream.on('trailers', (answer) => {
    trailers = { ...answer };
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => {});
  // As Envoy does: a call that the server ended is over.
  stream.on('end', () => stream.end());
  const ended = new Promise<Awaited<Call['ended']>>((resolve) =>
    stream.on('close', () => resolve({ status, trailers, messages: unframe(Buffer.concat(chunks)) })),
  );
  return { stream, ended };
}
function unframe(bytes: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    messages.push(bytes.toString('utf8', at + 5, at + 5 + length));
    at += 5 + length;
  }
  return messages;
}

describe('a call', () => {
  test('is answered message by message and ends with status 0', async () => {
    const { stream, ended } = call();
    stream.write(grpcFrame(Buffer.from('one')));
    stream.end(grpcFrame(Buffer.from('two')));
    const { status, trailers, messages } = await ended;
    expect({ status, messages }).toEqual({ status: 200, messages: ['one', 'two'] });
    expect(trailers['grpc-status']).toBe('0');
    await happened('closed');
    expect(events).toEqual(['message 3', 'message 3', 'half-closed', 'closed']);
  });

  test('brings its initial metadata', async () => {
    const { stream, ended } = call(PATH, { 'x-chancery-part': 'decide' });
    stream.end();
    await ended;
    expect(opened[0]?.headers['x-chancery-part']).toBe('decide');
  });

  test('is the same wherever its bytes are cut', async () => {
    const bytes = Buffer.concat(['', 'a', 'x'.repeat(300), 'end'].map((text) => grpcFrame(Buffer.from(text))));
    const wanted = ['', 'a', 'x'.repeat(300), 'end'];
    for (let at = 1; at < bytes.length; at++) {
      const { stream, ended } = call();
      // Written when the first part is gone: in two DATA frames.
      stream.write(bytes.subarray(0, at), () => stream.end(bytes.subarray(at)));
      expect((await ended).messages, `cut at ${at}`).toEqual(wanted);
    }
  });

  test('is the same byte by byte', async () => {
    const { stream, ended } = call();
    for (const byte of Buffer.concat([grpcFrame(Buffer.from('one')), grpcFrame(Buffer.from('two'))]))
      stream.write(Buffer.from([byte]));
    stream.end();
    expect((await ended).messages).toEqual(['one', 'two']);
  });

  test('that is cut within a message has not had it', async () => {
    const { stream, ended } = call();
    stream.end(grpcFrame(Buffer.from('one')).subarray(0, 6));
    expect((await ended).messages).toEqual([]);
  });

  test('of a method that is not served ends with status 12, whatever it is called', async () => {
    for (const path of ['/test.Service/Other', '/', '/__proto__', '/toString']) {
      const { stream, ended } = call(path);
      stream.end();
      expect((await ended).trailers['grpc-status'], path).toBe('12');
    }
    expect(opened).toEqual([]);
  });

  test('may end with a status and words of its own', async () => {
    onMessage = (stream) => stream.fail(7, 'nö: 100%');
    const { stream, ended } = call();
    stream.write(grpcFrame(Buffer.from('x')));
    const { trailers } = await ended;
    expect(trailers['grpc-status']).toBe('7');
    expect(decodeURIComponent(String(trailers['grpc-message']))).toBe('nö: 100%');
    stream.destroy();
  });

  test('sends nothing after its end', async () => {
    onMessage = (stream) => {
      stream.send([Buffer.from('last')]);
      stream.end();
      stream.send([Buffer.from('too late')]);
      stream.end();
      stream.fail(13, 'too late');
    };
    const { stream, ended } = call();
    stream.end(grpcFrame(Buffer.from('x')));
    const { messages } = await ended;
    expect(messages).toEqual(['last']);
  });

  test('counts what Envoy has not taken', async () => {
    // More than the client's window of 64 KiB, which stays closed because nobody reads.
    onMessage = (stream) => stream.send([Buffer.alloc(1024 * 1024)]);
    const stream = client.request({ ':method': 'POST', ':path': PATH });
    stream.on('error', () => {});
    stream.write(grpcFrame(Buffer.from('x')));
    await happened('message 1');
    expect(opened[0]?.pendingBytes).toBeGreaterThan(900 * 1024);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await happened('closed');
  });
});

describe('a call that breaks the rules fails with status 13, and alone', () => {
  /** Another call on the same connection. */
  const neighbour = async (): Promise<void> => {
    const { stream, ended } = call();
    stream.end(grpcFrame(Buffer.from('still here')));
    expect((await ended).messages).toEqual(['still here']);
  };

  test('a compressed message', async () => {
    const { stream, ended } = call();
    const frame = grpcFrame(Buffer.from('x'));
    frame[0] = 1;
    stream.write(frame);
    expect((await ended).trailers['grpc-status']).toBe('13');
    expect(logged.join()).toContain('a compressed message was found, none was negotiated');
    await neighbour();
  });

  test('a message that says that it is too large is not waited for', async () => {
    const { stream, ended } = call();
    const head = Buffer.alloc(5);
    head.writeUInt32BE(MESSAGE_BYTES_MAX + 1, 1);
    stream.write(head);
    expect((await ended).trailers['grpc-status']).toBe('13');
    expect(logged.join()).toContain(`a message of ${MESSAGE_BYTES_MAX + 1} bytes exceeds ${MESSAGE_BYTES_MAX}`);
    await neighbour();
  });

  test('a message of just the limit is taken', async () => {
    const { stream, ended } = call();
    stream.end(grpcFrame(Buffer.alloc(MESSAGE_BYTES_MAX, 'x')));
    expect((await ended).messages).toEqual(['x'.repeat(MESSAGE_BYTES_MAX)]);
  });

  test('a handler that throws; what comes after it is not handled', async () => {
    onMessage = () => {
      throw new Error('a broken invariant');
    };
    const { stream, ended } = call();
    stream.write(Buffer.concat([grpcFrame(Buffer.from('a')), grpcFrame(Buffer.from('bc'))]));
    stream.write(grpcFrame(Buffer.from('def')));
    stream.end();
    expect((await ended).trailers['grpc-status']).toBe('13');
    await happened('closed');
    expect(events.filter((event) => event.startsWith('message'))).toEqual(['message 1']);
    expect(logged.filter((line) => line.includes('a broken invariant'))).toHaveLength(1);
    onMessage = (other, bytes) => other.send([bytes]);
    await neighbour();
  });
});

describe('a caller that leaves', () => {
  test.each([
    ['with a reset', (stream: ClientHttp2Stream) => stream.close(http2.constants.NGHTTP2_CANCEL)],
    ['with its connection', () => client.destroy()],
  ])('%s: the handler is told once', async (_, leave) => {
    const { stream, ended } = call();
    stream.write(grpcFrame(Buffer.from('x')));
    await happened('message 1');
    leave(stream);
    await ended;
    await happened('closed');
    opened[0]?.send([Buffer.from('nobody hears it')]);
    opened[0]?.end();
    expect(events.filter((event) => event === 'closed')).toHaveLength(1);
  });

  test('thousands of times does not break the connection', async () => {
    for (let i = 0; i < 3000; i++) {
      const { stream, ended } = call();
      stream.write(grpcFrame(Buffer.from('x')));
      stream.close(http2.constants.NGHTTP2_CANCEL);
      if (i % 100 === 0) await ended;
    }
    const { stream, ended } = call();
    stream.end(grpcFrame(Buffer.from('still here')));
    expect((await ended).messages).toEqual(['still here']);
  });
});

describe('the socket', () => {
  test('is its owner’s alone, from the first moment, and the umask is as before', () => {
    const before = process.umask();
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    expect(process.umask()).toBe(before);
  });

  test('takes the place of one that a dead process left', async () => {
    const path = join(folder, 'stale.sock');
    writeFileSync(path, '');
    const second = createGrpcServer({ methods: {}, messageBytesMax: 1, log: pino({ level: 'silent' }) });
    await second.listen(path);
    expect(statSync(path).isSocket()).toBe(true);
    await second.close();
    expect(existsSync(path)).toBe(false);
  });

  test('that cannot be is an error', async () => {
    const second = createGrpcServer({ methods: {}, messageBytesMax: 1, log: pino({ level: 'silent' }) });
    await expect(second.listen(join(folder, 'absent', 's.sock'))).rejects.toThrow();
  });

  test('is closed although calls are open', async () => {
    const { stream, ended } = call();
    stream.write(grpcFrame(Buffer.from('x')));
    await happened('message 1');
    await server.close();
    await ended;
    await happened('closed');
    await server.listen(socketPath);
  });
});
