/** What is packed for the way: the module, answers, copies. */

/** The stream that `bytes` unpack to; reading it throws where they are damaged. */
export function unpackedFrom(bytes: Uint8Array, format: CompressionFormat): Response {
  const packed = new Blob([bytes as BlobPart]).stream();
  return new Response(packed.pipeThrough(new DecompressionStream(format)));
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
