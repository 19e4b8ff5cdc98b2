// Decides how other ext-proc reach this one: who may ask, and how an outcome of ours is told to them.
import { chmodSync, rmSync } from 'node:fs';
import {
  Server,
  ServerCredentials,
  type ServerWritableStream,
  type ServiceClientConstructor,
  status,
} from '@grpc/grpc-js';
import { NODE_GROUPS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { identityOf } from '../../core/xds-client/identity.ts';
import type { ClientTls } from '../../core/xds-client/target.ts';
import { openBounded } from '../bounded-sink.ts';
import type { Outcome } from '../outcome.ts';
import type { StreamSink } from '../streams/table.ts';
import type { RelayAnswer, RelayHeader, RelayRequest } from './wire.ts';

type Call = ServerWritableStream<RelayRequest, RelayAnswer>;

export interface ServeOptions {
  readonly service: ServiceClientConstructor;
  /** `unix:/path` or `host:port`. */
  readonly address: string;
  /** Of TCP. */
  readonly tls?: ClientTls;
  readonly bodyBytesMax: number;
  /** Null: it was for another. */
  readonly answer: (request: RelayRequest) => Outcome | Promise<Outcome> | null;
  readonly log: Logger;
}

/** Room for what surrounds a body. */
const ENVELOPE_BYTES = 64 * 1024;
const UNIX = 'unix:';

/** A Unix socket of mode 0600, or TCP on which both sides show certificates. @returns the port, 0 for a socket. @throws when it cannot listen. */
export async function serveInstances(options: ServeOptions): Promise<{ readonly port: number; close(): void }> {
  const { service, address, tls, bodyBytesMax, log } = options;
  const server = new Server({ 'grpc.max_receive_message_length': bodyBytesMax + ENVELOPE_BYTES });
  server.addService(service.service, {
    Relay: (call: Call) => {
      if (tls !== undefined && !isOneOfUs(call)) {
        log.warn({ peer: call.getPeer() }, 'somebody who is no ext-proc asked for what waits here');
        return end(call, status.PERMISSION_DENIED);
      }
      void handle(call, options);
    },
  });
  const path = address.startsWith(UNIX) ? address.slice(UNIX.length) : null;
  if (path !== null) rmSync(path, { force: true });
  const shown =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(tls.ca, [{ private_key: tls.key, cert_chain: tls.cert }], true);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, shown, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(new Error(`cannot listen to other ext-proc on ${address}: ${error.message}`, { cause: error }));
    });
  });
  if (path !== null) chmodSync(path, 0o600);
  return {
    port: path === null ? port : 0,
    close() {
      server.forceShutdown();
      if (path !== null) rmSync(path, { force: true });
    },
  };
}

function isOneOfUs(call: Call): boolean {
  return identityOf(call.getAuthContext().sslPeerCertificate?.subjectaltname)?.group === NODE_GROUPS.extProc;
}

async function handle(call: Call, { answer, log }: ServeOptions): Promise<void> {
  try {
    const outcome = await answer(call.request);
    if (outcome === null) return end(call, status.NOT_FOUND);
    call.write({ taken: {} });
    tell(call, outcome);
  } catch (error) {
    log.error({ err: error }, 'what another ext-proc asked failed');
    end(call, status.INTERNAL);
  }
}

function end(call: Call, code: status): void {
  call.emit('error', { code, details: status[code] });
}

function tell(call: Call, outcome: Outcome): void {
  switch (outcome.kind) {
    case 'immediate': {
      const { status: http, headers, body, details } = outcome.answer;
      call.write({ whole: { status: http, headers: named(headers), body: body.toString(), details } });
      call.end();
      return;
    }
    case 'pending': {
      let over = false;
      const leave = outcome.start((settled) => {
        over = true;
        tell(call, settled);
      });
      call.on('cancelled', () => {
        if (!over) leave();
      });
      return;
    }
    case 'stream': {
      call.write({ head: { headers: named(outcome.headers) } });
      // Here it is known where an event ends.
      const leave = openBounded(outcome, sinkOf(call));
      call.on('cancelled', () => leave());
      return;
    }
    case 'relay':
      // Only Envoy could carry it, and what is asked of others never ends so.
      end(call, status.INTERNAL);
  }
}

function sinkOf(call: Call): StreamSink {
  let pending = 0;
  let drained: (() => void)[] = [];
  return {
    write(text) {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += LIMITS.streamPieceBytesMax) {
        const chunk = bytes.subarray(at, at + LIMITS.streamPieceBytesMax);
        pending += chunk.length;
        call.write({ chunk }, () => {
          pending -= chunk.length;
          if (pending > 0) return;
          const listeners = drained;
          drained = [];
          for (const listener of listeners) listener();
        });
      }
    },
    end: () => call.end(),
    pendingBytes: () => pending,
    onDrain(listener) {
      if (pending === 0) queueMicrotask(listener);
      else drained.push(listener);
    },
  };
}

function named(headers: readonly (readonly [name: string, value: string])[]): readonly RelayHeader[] {
  return headers.map(([name, value]) => ({ name, value }));
}
