/**
 * Messages between the page and the process that serves it: JSON and buffers, in one binary frame.
 *
 * The length of the JSON (four bytes, little-endian), the JSON, the buffers; as page/frames.py has them.
 */

/** What is said, the lengths of its buffers, and the mark of the message of this page that it comes of. */
type Head = [data: unknown, lengths: number[], mark: unknown];

export interface Frame {
  data: unknown;
  buffers: DataView[];
  mark: unknown;
}

const HEAD = 4;

export function packed(data: unknown, mark: unknown): ArrayBuffer {
  const head = new TextEncoder().encode(JSON.stringify([data, [], mark] satisfies Head));
  const frame = new Uint8Array(HEAD + head.length);
  new DataView(frame.buffer).setUint32(0, head.length, true);
  frame.set(head, HEAD);
  return frame.buffer;
}

export function unpacked(frame: ArrayBuffer): Frame {
  let at = HEAD + new DataView(frame).getUint32(0, true);
  const [data, lengths, mark] = JSON.parse(
    new TextDecoder().decode(new Uint8Array(frame, HEAD, at - HEAD)),
  ) as Head;
  const buffers = lengths.map((length) => {
    const view = new DataView(frame, at, length);
    at += length;
    return view;
  });
  return { data, buffers, mark };
}
