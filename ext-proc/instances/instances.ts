// Decides how another ext-proc is asked for what lives in it, and how its answer becomes ours: in bounded time, or as gone.
import { StringDecoder } from 'node:string_decoder';
import {
  type ChannelCredentials,
  type ClientReadableStream,
  credentials,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import type { Instance } from '../../core/catalog/catalog.ts';
import { NODE_GROUPS } from '../../core/contract.ts';
import { LIMITS } from '../../core/limits.ts';
import { errorTextFor } from '../../core/mcp/json-rpc.ts';
import type { Logger } from '../../core/runtime/log.ts';
import { identityOf } from '../../core/xds-client/identity.ts';
import type { ClientTls } from '../../core/xds-client/target.ts';
import { eventText } from '../compose/event-text.ts';
import { immediate, type Outcome, refuse } from '../outcome.ts';
import type { StreamSink } from '../streams/table.ts';
import type { AddressBook } from './address-book.ts';
import type { RelayAnswer, RelayHeader, RelayRequest } from './wire.ts';

/** What is asked of another, whoever it is. */
export type Question = Omit<RelayRequest, 'instance'>;

export interface Instances {
  /** The answer of the one of that name; `state_gone` when it is not there. `idText`: raw JSON of the client's id. */
  relay(to: string, question: Question, idText: string): Outcome;
  /** Says it to one, and waits for nothing. */
  say(to: string, question: Question): void;
  /** Says it to all others. */
  tell(question: Question): void;
  close(): void;
}

const RELAYED = 'a call goes on in the ext-proc in which it waits';

/** Where there is only one. */
export const ALONE: Instances = {
  relay: (_to, _question, idText) => refuse({ code: 'state_gone', reason: 'another_instance' }, idText),
  say() {},
  tell() {},
  close() {},
};

export interface InstancesOptions {
  readonly book: AddressBook;
  readonly service: ServiceClientConstructor;
  /** Our certificate, and the authorities of the others'; absent: Unix sockets only. */
  readonly tls?: ClientTls;
  readonly log: Logger;
}

interface RelayClient {
  Relay(request: RelayRequest, options?: { deadline: number }): ClientReadableStream<RelayAnswer>;
  close(): void;
}

const CHANNEL = {
  'grpc.max_receive_message_length': LIMITS.backendAnswerBytesMax + LIMITS.streamPieceBytesMax,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': LIMITS.instanceKeepAliveMs,
  'grpc.keepalive_timeout_ms': LIMITS.instanceKeepAliveMs,
  'grpc.enable_http_proxy': 0,
  'grpc.use_local_subchannel_pool': 1,
};

export function createInstances({ book, service, tls, log }: InstancesOptions): Instances {
  const clients = new Map<string, RelayClient>();
  /** Null: it is nowhere, or where nobody could tell who answers. */
  const clientOf = (name: string): RelayClient | null => {
    for (const [known, client] of clients) {
      if (book.find(known) !== null) continue;
      clients.delete(known);
      client.close();
    }
    const instance = book.find(name);
    const channel = instance === null ? null : credentialsOf(instance, tls);
    if (instance === null || channel === null) return null;
    const made = clients.get(name) ?? (new service(instance.address, channel, CHANNEL) as unknown as RelayClient);
    clients.set(name, made);
    return made;
  };
  const say = (to: string, question: Question): void => {
    const call = clientOf(to)?.Relay({ ...question, instance: to }, { deadline: Date.now() + LIMITS.instanceAnswerMs });
    call?.on('data', () => {});
    call?.on('error', (error) =>
      log.info({ instance: to, kind: question.kind, reason: error.message }, 'another ext-proc was not told'),
    );
  };
  return {
    relay(to, question, idText) {
      const client = clientOf(to);
      if (client === null) {
        log.info({ instance: to }, 'the ext-proc in which a call waited is not known');
        return ALONE.relay(to, question, idText);
      }
      log.debug({ instance: to, kind: question.kind }, RELAYED);
      return relayed(
        () => client.Relay({ ...question, instance: to }),
        idText,
        (reason) => log.warn({ instance: to, reason }, 'the ext-proc in which a call waited is gone'),
      );
    },
    say,
    tell(question) {
      for (const { name } of book.others()) say(name, question);
    },
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}

/** "The certificate fixes the node id and group": nobody else may answer in its place. */
function credentialsOf({ address, node }: Instance, tls: ClientTls | undefined): ChannelCredentials | null {
  if (address.startsWith('unix:')) return credentials.createInsecure();
  if (tls === undefined) return null;
  return credentials.createSsl(tls.ca, tls.key, tls.cert, {
    checkServerIdentity: (_host, certificate) => {
      const identity = identityOf(certificate.subjectaltname);
      const isIt = identity?.group === NODE_GROUPS.extProc && identity.id === node;
      return isIt ? undefined : new Error(`the certificate is not of ${NODE_GROUPS.extProc} ${JSON.stringify(node)}`);
    },
  });
}

function relayed(
  begin: () => ClientReadableStream<RelayAnswer>,
  idText: string,
  onGone: (reason: string) => void,
): Outcome {
  return {
    kind: 'pending',
    start(settle) {
      let sink: StreamSink | null = null;
      let over = false;
      const call = begin();
      const finish = (): boolean => {
        if (over) return false;
        over = true;
        clearTimeout(timer);
        return true;
      };
      const gone = (reason: string): void => {
        if (!finish()) return;
        call.cancel();
        onGone(reason);
        if (sink === null) return settle(refuse({ code: 'state_gone', reason }, idText));
        sink.write(eventText(errorTextFor('state_gone', idText), null, undefined));
        sink.end();
      };
      // A character may be in two pieces.
      const decoder = new StringDecoder('utf8');
      const timer = setTimeout(() => gone('it does not answer'), LIMITS.instanceAnswerMs);
      const open = (opened: StreamSink): (() => void) => {
        sink = opened;
        return leave;
      };
      const bound = {
        // What waits there ends it in time, between two events. Should it not, this is in the middle of one.
        bytesMax: LIMITS.composedAnswerBytesMax + LIMITS.streamPieceBytesMax,
        lastWords: () => `\n\n${eventText(errorTextFor('answer_too_large', idText), null, undefined)}`,
      };
      const leave = (): void => {
        if (finish()) call.cancel();
      };
      call.on('data', ({ whole, head, chunk }: RelayAnswer) => {
        if (over) return;
        clearTimeout(timer);
        if (whole) {
          finish();
          return settle(immediate(whole.status, whole.body, whole.details, pairs(whole.headers)));
        }
        if (head) return settle({ kind: 'stream', headers: pairs(head.headers), open, bound });
        if (chunk && sink !== null) {
          sink.write(decoder.write(chunk));
          if (sink.onDrain === undefined || sink.pendingBytes() <= LIMITS.composedPendingBytesMax) return;
          call.pause();
          sink.onDrain(() => call.resume());
        }
      });
      call.on('error', (error) => gone(error.message));
      call.on('end', () => {
        if (sink === null) return gone('it ended without an answer');
        if (finish()) sink.end();
      });
      return leave;
    },
  };
}

function pairs(headers: readonly RelayHeader[]): readonly (readonly [name: string, value: string])[] {
  return headers.map(({ name, value }) => [name, value] as const);
}
