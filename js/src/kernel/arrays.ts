/**
 * Arrays off the wire. Hosts hand over DataViews that may be windows on a larger buffer and need not start
 * at a multiple of the element size, so everything is read through byteOffset and byteLength, and copied
 * only where a typed array could not be laid over the bytes.
 */
import type { DType, Envelope } from "./model";

export type Numbers = Float32Array | Int32Array | Uint8Array;

export interface NumberArray<T extends Numbers = Numbers> {
  shape: number[];
  values: T;
}

const CONSTRUCTORS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const;

export type TypedArray<D extends DType> = InstanceType<(typeof CONSTRUCTORS)[D]>;

export function sizeOf(shape: number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Values of `dtype` in `bytes`. Throws when the byte count is not what the shape needs. */
export function view<D extends DType>(bytes: ArrayBufferView, dtype: D, shape: number[]): TypedArray<D> {
  const make = CONSTRUCTORS[dtype];
  if (make === undefined) throw new TypeError(`array of unknown dtype "${dtype}"`);
  const length = sizeOf(shape);
  if (!Number.isInteger(length) || length < 0) throw new RangeError(`array of impossible shape [${shape}]`);
  const expected = length * make.BYTES_PER_ELEMENT;
  if (bytes.byteLength !== expected) {
    throw new RangeError(
      `${dtype} array of shape [${shape}] needs ${expected} bytes, but ${bytes.byteLength} came`,
    );
  }
  const aligned = bytes.byteOffset % make.BYTES_PER_ELEMENT === 0;
  const buffer = aligned
    ? bytes.buffer
    : bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  return new make(buffer as ArrayBuffer, aligned ? bytes.byteOffset : 0, length) as TypedArray<D>;
}

/** A trait's array as float32. Throws on any other dtype: nothing else travels in a trait. */
export function decodeFloats(envelope: Envelope): NumberArray<Float32Array> {
  if (envelope.data === null) throw new TypeError("it has no data");
  if (envelope.dtype !== "float32") throw new TypeError(`expected float32, got ${envelope.dtype}`);
  return { shape: envelope.shape, values: view(envelope.data, "float32", envelope.shape) };
}

/** The arrays of one reply part, by name. Throws when they do not use up `bytes` exactly. */
export function splitArrays(
  bytes: Uint8Array,
  heads: { name: string; dtype: DType; shape: number[] }[],
): Map<string, NumberArray> {
  const arrays = new Map<string, NumberArray>();
  let offset = 0;
  for (const { name, dtype, shape } of heads) {
    const length = sizeOf(shape) * (CONSTRUCTORS[dtype]?.BYTES_PER_ELEMENT ?? 0);
    const window = bytes.subarray(offset, offset + length);
    arrays.set(name, { shape, values: view(window, dtype, shape) });
    offset += length;
  }
  if (offset !== bytes.byteLength) {
    throw new RangeError(`reply has ${bytes.byteLength} bytes, but its arrays use ${offset}`);
  }
  return arrays;
}

/** One named array of a reply part; throws when it is missing or of another dtype. */
export function take<D extends DType>(
  arrays: Map<string, NumberArray>,
  name: string,
  dtype: D,
): NumberArray<TypedArray<D>> {
  const array = arrays.get(name);
  if (array === undefined) throw new TypeError(`reply lacks the array "${name}"`);
  if (!(array.values instanceof CONSTRUCTORS[dtype])) throw new TypeError(`array "${name}" is not ${dtype}`);
  return array as NumberArray<TypedArray<D>>;
}

/** Where A[query, key] lies in a row-major lower triangle; key must not exceed query. */
export function triangleIndex(query: number, key: number): number {
  return (query * (query + 1)) / 2 + key;
}

/** The query and the key of a cell. */
export function trianglePlace(cell: number): [query: number, key: number] {
  const query = Math.floor((Math.sqrt(8 * cell + 1) - 1) / 2);
  return [query, cell - triangleIndex(query, 0)];
}

export function triangleSize(tokens: number): number {
  return triangleIndex(tokens, 0);
}
