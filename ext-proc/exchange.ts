// Decides the order of one exchange with Envoy's first filter: headers, who calls, body, one outcome.

import { CALLER } from '../core/contract.ts';
import {
  decodeProcessingRequest,
  encodeImmediate,
  encodeRelay,
  encodeStreamBody,
  encodeStreamHeaders,
  type HeaderMap,
  type Metadata,
} from '../core/grpc/ext-proc.ts';
import type { GrpcStream, StreamHandler } from '../core/grpc/server.ts';
import { LIMITS } from '../core/limits.ts';
import { admit } from './admit.ts';
import { authenticate } from './authenticate.ts';
import { gathering } from './body.ts';
import { openBounded } from './bounded-sink.ts';
import type { Caller } from './call.ts';
import { pageOrigin, preflight, readable } from './cors.ts';
import type { Gateway } from './gateway.ts';
import { type Leave, type Outcome, refuse } from './outcome.ts';
import { answerBodiless, answerPost } from './route.ts';
import { situationOf } from './situation.ts';
import type { StreamSink } from './streams/table.ts';

function metadataOf({ headers }: GrpcStream, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

type Step = 'headers' | 'reading' | 'deciding' | 'done';

/** One HTTP request at the ingress listener. Envoy speaks first; we answer once. */
export function createExchange(stream: GrpcStream, gateway: Gateway): StreamHandler {
  let step: Step = 'headers';
  let caller: Caller | null = null;
  let metadata: Metadata | null = null;
  let body: Buffer | null = null;
  let trailers = false;
  let closeStream: Leave | null = null;
  let deadline: NodeJS.Timeout | null = null;
  let closed = false;
  /** Of the page that asks, where pages may; '' for none. */
  let origin = '';
  /** From then on nobody asks whether the caller still counts. */
  let release = (): void => undefined;
  const received = gathering();

  const openStream = (outcome: Extract<Outcome, { kind: 'stream' }>): void => {
    const sink: StreamSink = {
      write: (text) => {
        const bytes = Buffer.from(text);
        // In pieces: Envoy passes a message on when it has the whole of it.
        for (let at = 0; at < bytes.length; at += LIMITS.streamPieceBytesMax) {
          stream.send(encodeStreamBody(bytes.subarray(at, at + LIMITS.streamPieceBytesMax), false));
        }
      },
      end: () => {
        stream.send(encodeStreamBody(Buffer.alloc(0), true));
        stream.end();
      },
      pendingBytes: () => stream.pendingBytes,
      onDrain: (listener) => stream.onDrain(listener),
    };
    closeStream = openBounded(outcome, sink, () => {
      const { surface, principal } = caller ?? {};
      gateway.log.info({ surface: surface?.name, subject: principal?.subject }, 'an answer was cut off');
    });
  };

  const finish = (decided: Outcome): void => {
    if (step === 'done') return;
    const outcome = readable(decided, origin);
    step = 'done';
    if (deadline !== null) clearTimeout(deadline);
    if (closed) return;
    switch (outcome.kind) {
      case 'immediate':
        stream.send(encodeImmediate(outcome.answer));
        return;
      case 'relay':
        stream.send(...encodeRelay(outcome.relay, trailers));
        return;
      case 'pending': {
        // Nobody is kept waiting who left: what is under way for him is given up.
        step = 'deciding';
        const leave = outcome.start((settled) => {
          closeStream = null;
          release();
          finish(settled);
        });
        if (step === 'deciding') {
          closeStream = leave;
          watch(() => {
            closeStream?.();
            closeStream = null;
            finish(refuse({ code: 'unauthenticated', reason: 'revoked' }));
          });
        }
        return;
      }
      case 'stream':
        stream.send(encodeStreamHeaders(outcome.headers, outcome.metadata));
        openStream(outcome);
        watch(() => {
          closeStream?.();
          closeStream = null;
          stream.send(encodeStreamBody(Buffer.alloc(0), true));
          stream.end();
        });
    }
  };

  const watch = (end: () => void): void => {
    if (caller === null || closed) return;
    release = gateway.live.watch(caller, end);
  };

  const settle = (outcome: Outcome | Promise<Outcome>): void => {
    if (!(outcome instanceof Promise)) return finish(outcome);
    outcome.then(finish, (error: unknown) => {
      gateway.log.error({ err: error }, 'an exchange failed; the request is refused');
      finish(refuse({ code: 'internal' }));
    });
  };

  /** Goes on when both are there: who calls, and the whole body. */
  const proceed = (): void => {
    if (closed || step !== 'reading' || caller === null || body === null) return;
    step = 'deciding';
    settle(
      caller.admitted.want === 'post'
        ? answerPost(caller, body, metadata)
        : answerBodiless(caller, body.length, metadata),
    );
  };

  const leave = (): void => {
    closed = true;
    if (deadline !== null) clearTimeout(deadline);
    release();
    const close = closeStream;
    closeStream = null;
    close?.();
  };

  const onHeaders = (headers: HeaderMap, forwarded: Metadata, endOfStream: boolean): void => {
    step = 'reading';
    metadata = forwarded;
    const asked = preflight(headers, gateway.catalog());
    if (asked !== null) return finish(asked);
    const admission = admit(headers, gateway.catalog(), gateway.bodyBytesMax);
    if (!admission.ok) return finish(refuse(admission));
    origin = pageOrigin(admission.surface, headers);
    if (endOfStream) body = Buffer.alloc(0);
    else deadline = setTimeout(() => finish(refuse({ code: 'body_timeout' })), LIMITS.bodyDeadlineMs).unref();
    const identified = authenticate(gateway, admission, {
      authorization: headers.get('authorization'),
      certificateUri: metadataOf(stream, CALLER.certificateUri),
      certificateEnd: metadataOf(stream, CALLER.certificateEnd),
    });
    const admittedCaller = (result: Awaited<typeof identified>): void => {
      if (!result.ok) return finish(refuse(result));
      const { catalog, surface } = admission;
      caller = {
        gateway,
        admitted: admission,
        catalog,
        surface,
        principal: result.principal,
        apiKey: result.apiKey ?? null,
        decisionId: gateway.newDecisionId(),
        situation: situationOf(gateway, metadataOf(stream, CALLER.address)),
      };
      proceed();
    };
    if (identified instanceof Promise) {
      identified.then(admittedCaller).catch((error: unknown) => settle(Promise.reject(error)));
    } else admittedCaller(identified);
  };

  const onBody = (chunk: Buffer, endOfStream: boolean): void => {
    if (step !== 'reading') return;
    // More may come while it is found out who calls; of a body that is whole there is no more.
    if (body !== null) return;
    if (received.bytes + chunk.length > gateway.bodyBytesMax) return finish(refuse({ code: 'body_too_large' }));
    received.push(chunk);
    if (!endOfStream) return;
    body = received.whole();
    proceed();
  };

  return {
    message(encoded) {
      const request = decodeProcessingRequest(encoded);
      switch (request.kind) {
        case 'request_headers':
          if (step === 'headers') onHeaders(request.headers, request.metadata, request.endOfStream);
          return;
        case 'request_body':
          return onBody(request.body, request.endOfStream);
        case 'request_trailers':
          trailers = true;
          return onBody(Buffer.alloc(0), true);
        case 'other':
          // A local reply of an earlier filter on its way out: nothing to say to it.
          return;
      }
    },
    halfClosed() {
      // Envoy has no more to say. While an answer is under way, that is how it tells that its client left.
      if (closeStream !== null) leave();
      if (step === 'done' || closed) stream.end();
    },
    closed: leave,
  };
}
