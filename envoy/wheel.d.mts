export declare function sha256(bytes: Uint8Array): string;
export declare function readZipEntry(zip: Buffer, name: string): Buffer | null;
