// Decides how what calls leave behind looks on the stream to the control plane.
import { join } from 'node:path';
import { type ClientDuplexStream, credentials, loadPackageDefinition, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import type { Approval, ApprovalState, NewApproval } from '../policy/ledger.ts';

export interface CountMessage {
  /** See `countKey`. */
  readonly key: string;
  readonly windowMs: number;
  readonly part: number;
  readonly amount: number;
}

export interface LabelsMessage {
  /** See `holderKey`. */
  readonly holder: string;
  readonly labels: readonly string[];
  readonly untilMs: number;
}

/** One member beside the sequence. */
export interface WriteMessage {
  readonly sequence: number;
  readonly labels?: LabelsMessage | null;
  readonly counts?: { readonly counts: readonly CountMessage[] } | null;
  readonly approval?: Buffer;
  readonly use?: string;
}

export interface LedgerRequest {
  readonly nodeId: string;
  readonly writer: string;
  readonly writes: readonly WriteMessage[];
}

export interface AnswerMessage {
  readonly sequence: number;
  readonly done: boolean;
  /** JSON; empty: none. */
  readonly approval: Buffer;
}

export interface LedgerResponse {
  readonly whole: boolean;
  readonly more: boolean;
  readonly answers: readonly AnswerMessage[];
  readonly labels: readonly LabelsMessage[];
  readonly counts: readonly CountMessage[];
  readonly approvals: readonly Buffer[];
  readonly countsFull: boolean;
}

export interface ReportResponse {
  readonly sequence: number;
}

export interface ReportsClient {
  Ledger(): ClientDuplexStream<LedgerRequest, LedgerResponse>;
  Report(): ClientDuplexStream<object, ReportResponse>;
  close(): void;
}

type ClientOf = new (
  address: string,
  channel: ReturnType<typeof credentials.createInsecure>,
  options: object,
) => ReportsClient;

function loaded(protoDir: string): ClientOf & { readonly service: ServiceDefinition } {
  const definition = loadSync(join(protoDir, 'chancery/v1/chancery.proto'), { longs: Number, defaults: true });
  const { chancery } = loadPackageDefinition(definition) as unknown as {
    chancery: { v1: { Reports: ClientOf & { readonly service: ServiceDefinition } } };
  };
  return chancery.v1.Reports;
}

/** The service as gRPC knows it: absent members have their defaults. */
export function reportsService(protoDir: string): ServiceDefinition {
  return loaded(protoDir).service;
}

/** `address`: as gRPC names it, e.g. `unix:/run/chancery/reports.sock`. */
export function connectReports(protoDir: string, address: string): ReportsClient {
  const Client = loaded(protoDir);
  return new Client(address, credentials.createInsecure(), {
    'grpc.initial_reconnect_backoff_ms': LIMITS.reconnectMinMs,
    'grpc.min_reconnect_backoff_ms': LIMITS.reconnectMinMs,
    'grpc.max_reconnect_backoff_ms': LIMITS.reconnectMaxMs,
    'grpc.max_receive_message_length': LIMITS.xdsMessageBytesMax,
  });
}

const STATES = ['pending', 'approved', 'denied', 'used', 'expired'] as const satisfies readonly ApprovalState[];
const text = z.string().max(4096);
const newFields = {
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  surface: text,
  issuer: text,
  subject: text,
  target: z.string().max(LIMITS.targetNameCharsMax + 64),
  rule: text,
  reason: text,
  by: z.object({ subjects: z.array(text).optional(), groups: z.array(text).optional() }),
  shown: z.string().max(LIMITS.approvalShownCharsMax).nullable(),
  requestedAtMs: z.int().min(0),
  expiresAtMs: z.int().min(0),
};
const newApprovalSchema = z.object(newFields);
const approvalSchema = z.object({
  ...newFields,
  id: text,
  state: z.enum(STATES),
  decidedBy: z.string().nullable(),
});

/** null: it is none. */
export function readNewApproval(json: Buffer): NewApproval | null {
  return read(newApprovalSchema, json) as NewApproval | null;
}

export function readApproval(json: Buffer): Approval | null {
  return read(approvalSchema, json) as Approval | null;
}

function read<Shape>(schema: z.ZodType<Shape>, json: Buffer): Shape | null {
  if (json.length === 0 || json.length > LIMITS.ledgerApprovalBytesMax) return null;
  try {
    return schema.safeParse(JSON.parse(json.toString('utf8'))).data ?? null;
  } catch {
    return null;
  }
}
