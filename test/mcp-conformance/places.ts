// Decides where what was measured is written down.
import { join } from 'node:path';
import { ROOT_DIR } from '../../core/runtime/process.ts';

export const EXPECTED_PATH = join(import.meta.dirname, 'expected.json');
export const DOCUMENT_PATH = join(ROOT_DIR, 'docs', 'conformance.md');
