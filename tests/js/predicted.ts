/** A kernel that predicts what a test says, at every checkpoint and position. */
import { fakeKernel } from "../../js/dev/fake-kernel";
import type { FakeModel } from "../../js/dev/fake-model";
import type { Request } from "../../js/src/kernel/model";
import { SHAPE } from "./shown";

/** Of the token after a position; rank -1 where there is none. */
export interface Next {
  loss: number;
  rank?: number;
  probability?: number;
}

export function predicting(next: (checkpoint: number, position: number) => Next): FakeModel["kernel"] {
  const others = fakeKernel(SHAPE, 3);
  return (request: Request, model: FakeModel) => {
    if (request.kind !== "predictions") return others(request, model);
    const { id, generation, checkpoints } = request;
    const n = model.get("_prompts")[request.series]?.tokens.length ?? 0;
    const of = <T>(make: (checkpoint: number, position: number) => T) =>
      checkpoints.flatMap((checkpoint) => Array.from({ length: n }, (_, i) => make(checkpoint, i)));
    const arrays = [
      { name: "ids", values: Int32Array.from(of((_, i) => i)), inner: [n, 1] },
      { name: "logits", values: Float32Array.from(of((c, i) => c + i / 4)), inner: [n, 1] },
      { name: "probabilities", values: Float32Array.from(of((_, i) => 1 / (i + 2))), inner: [n, 1] },
      { name: "answer_rank", values: Int32Array.from(of((c, i) => next(c, i).rank ?? -1)), inner: [n] },
      {
        name: "answer_probability",
        values: Float32Array.from(of((c, i) => next(c, i).probability ?? 0)),
        inner: [n],
      },
      { name: "losses", values: Float32Array.from(of((c, i) => next(c, i).loss)), inner: [n] },
    ];
    setTimeout(() => {
      const message = {
        id,
        chunk: 0,
        chunks: 1,
        done: true,
        body: { generation, checkpoints, k: 1, tokens: Object.fromEntries(of((_, i) => [i, ` word${i}`])) },
        arrays: arrays.map(({ name, values, inner }) => ({
          name,
          dtype: values instanceof Int32Array ? ("int32" as const) : ("float32" as const),
          shape: [checkpoints.length, ...inner],
        })),
      };
      const bytes = arrays.flatMap(({ values }) => Array.from(new Uint8Array(values.buffer)));
      model.reply(message, [new DataView(Uint8Array.from(bytes).buffer)]);
    }, 60);
  };
}
