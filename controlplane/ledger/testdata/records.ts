// Decides what the records of decisions in tests say unless a test says otherwise.
import type { DecisionRecord } from '../../../core/ledger-client/decision-record.ts';

export function record(over: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    id: 'd1',
    atMs: 1_800_000_000_000,
    revision: 7,
    surface: 'support',
    issuer: 'https://idp.example',
    subject: 'alice',
    kind: 'jwt',
    agent: 'desk',
    groups: ['support'],
    scopes: ['refunds'],
    tasks: [],
    method: 'tools/call',
    era: 'legacy',
    protocolVersion: '2025-11-25',
    address: '127.0.0.1',
    targetKind: 'tool',
    server: 'payments',
    name: 'refund',
    version: '1.0.0',
    labels: [],
    allowed: true,
    rules: ['refunds/small'],
    approvals: [],
    code: '',
    shadow: null,
    indeterminate: [],
    ...over,
  };
}
