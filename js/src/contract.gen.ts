/** What can be asked of a checkpoint. Written by `make contract`. */

/** Layer and head, both from 0: `[1, 6]` is L1H6. */
export type Head = [layer: number, head: number];

/** What a request of each kind says beside its series and checkpoints. */
export interface AnalysisParameters {
  /**
   * What ablating heads together does to the loss of a text, to in-context learning and to the loss on the
   * second copy of repeated random tokens, in nats: before, the change, and its standard error over rows; the
   * same of as many random heads, of the same layers where there are enough others; and the probability and
   * rank of the prompt's answer, NaN and -1 without one.
   */
  ablation: { heads: Head[]; how: "mean" | "resample" | "zero"; frozen: boolean };
  /**
   * What ablating each head alone changes, in nats: the loss of a text, in-context learning, and the loss on
   * the second copy of repeated random tokens.
   */
  ablation_grid: { how: "mean" | "resample" | "zero" };
  /**
   * How much every head attends to one token of the prompt: the mean over later queries of A[q, token]; NaN
   * for the last token, which nothing comes after.
   */
  attended: { token: number };
  /**
   * Attention of one head on the prompt as it was computed, of the queries from the first to the last: each
   * one's keys up to itself, row by row.
   */
  attention: { head: Head; first: number; last: number };
  /**
   * What heads, biases of attention, MLPs, the embeddings of the token and of its position, and the biases at
   * the end add to the logit of a token after the query: direct logit attribution, in logits less their mean
   * over the vocabulary, which is given beside. All of it sums to the logit. Without a token, that of the one
   * which comes next, after the last position the answer, and without one the likeliest. The cap of a model
   * that caps its logits, and NaN of others.
   */
  attribution: { query: number; token: number | null };
  /**
   * What one head attends to on the rows of text read so far, position 0 left out as query and as key. Of
   * sequences, the strongest first and −1 where there are fewer: the row, its interval of five (5 has the
   * strongest), its largest A[q, k] with k < q, its ids, and of each query the keys that get most and
   * round(255 a) of each. The share of attention at each distance from query to key, and of position 0. The
   * tokens that it looks from and at most: their share of attention, and over their share of all tokens.
   */
  head_page: { head: Head };
  /**
   * The keys that a head attends to most from a query, with the attention and the score before the softmax,
   * less its mean over the keys that are seen; and for each the tokens whose logits the head raises and
   * lowers most where it attends there alone, in logits. Ids and positions.
   */
  head_tokens: { head: Head; query: number };
  /**
   * Every measure of the whole model. The answer is the mean loss of the rows of text run so far, in nats;
   * the measures come as rows of `_measures`, to every page that shows the series.
   */
  losses: Record<never, never>;
  /**
   * How much the loss on the second copy of repeated random tokens, in nats, or the logit of the prompt's
   * answer would change if each head alone gave something else: attribution patching, sum over positions of
   * (z' - z) dm/dz. And that number as it is. No head is ablated.
   */
  patching_estimate: { how: "mean" | "resample" | "zero"; metric: "answer_logit" | "second_copy_loss" };
  /**
   * How much the same number does change when each of the heads with the largest estimates is ablated alone,
   * whatever their sign: so many of them, or all. NaN of heads that were not.
   */
  patching_exact: {
    how: "mean" | "resample" | "zero";
    metric: "answer_logit" | "second_copy_loss";
    top: number | null;
  };
  /** Attention of one head on the prompt: round(255 a) of the lower triangle, row by row. */
  patterns: { head: Head };
  /**
   * The likeliest next tokens after every position, and how likely what really comes is: the next token of
   * the prompt, after the last position the answer. Rank 0 is the likeliest; without an answer rank -1,
   * probability 0 and loss NaN. Logits of ids; losses in nats.
   */
  predictions: Record<never, never>;
  /**
   * Attention of one head on the prompt times the size of each key's value, or of what the head writes of it,
   * over the largest of the prompt: round(255 a) of the lower triangle, row by row.
   */
  weighed: { head: Head; by: "output" | "value" };
  /**
   * What feeds one head, of every head in an earlier layer: K-composition above its random baseline, the
   * previous-token score, and the change of the head's induction score when this one is ablated, with its
   * standard error; NaN for heads in no earlier layer. And the induction score with nothing ablated.
   */
  wiring: { head: Head };
}

/** What an answer holds: arrays of one checkpoint, or of several one after the other. */
export interface AnalysisArrays {
  ablation: {
    loss: Float32Array;
    loss_change: Float32Array;
    loss_error: Float32Array;
    in_context_learning: Float32Array;
    in_context_learning_change: Float32Array;
    in_context_learning_error: Float32Array;
    induction_loss: Float32Array;
    induction_loss_change: Float32Array;
    induction_loss_error: Float32Array;
    control_loss: Float32Array;
    control_in_context_learning: Float32Array;
    control_induction_loss: Float32Array;
    answer_before: Float32Array;
    answer_after: Float32Array;
    rank_before: Float32Array;
    rank_after: Float32Array;
  };
  ablation_grid: { loss: Float32Array; in_context_learning: Float32Array; induction_loss: Float32Array };
  attended: { attention: Float32Array };
  attention: { attention: Float32Array };
  attribution: {
    heads: Float32Array;
    out_bias: Float32Array;
    mlps: Float32Array;
    embedding: Float32Array;
    position: Float32Array;
    bias: Float32Array;
    logit: Float32Array;
    mean_logit: Float32Array;
    cap: Float32Array;
    target: Int32Array;
  };
  head_page: {
    rows: Int32Array;
    row: Int32Array;
    interval: Int32Array;
    strength: Float32Array;
    ids: Int32Array;
    keys: Int32Array;
    attention: Uint8Array;
    distances: Float32Array;
    first: Float32Array;
    from_ids: Int32Array;
    from_share: Float32Array;
    from_times: Float32Array;
    at_ids: Int32Array;
    at_share: Float32Array;
    at_times: Float32Array;
  };
  head_tokens: {
    keys: Int32Array;
    attention: Float32Array;
    scores: Float32Array;
    raised: Int32Array;
    raised_by: Float32Array;
    lowered: Int32Array;
    lowered_by: Float32Array;
  };
  losses: { loss: Float32Array };
  patching_estimate: { estimated_change: Float32Array; metric: Float32Array };
  patching_exact: { exact_change: Float32Array };
  patterns: { patterns: Uint8Array };
  predictions: {
    ids: Int32Array;
    logits: Float32Array;
    probabilities: Float32Array;
    answer_rank: Int32Array;
    answer_probability: Float32Array;
    losses: Float32Array;
  };
  weighed: { patterns: Uint8Array };
  wiring: {
    composition: Float32Array;
    previous_token: Float32Array;
    effect: Float32Array;
    error: Float32Array;
    induction: Float32Array;
  };
}

export type AnalysisKind = keyof AnalysisParameters;

/** Those that depend on the prompt: a request names its generation. */
export const OF_PROMPT = [
  "ablation",
  "attended",
  "attention",
  "attribution",
  "head_tokens",
  "patching_estimate",
  "patching_exact",
  "patterns",
  "predictions",
  "weighed",
] as const;

/** Those of them that one forward pass over it answers. */
export const ONE_PASS = ["attended", "attention", "patterns", "predictions", "weighed"] as const;

/** What computing it is called. */
export const DOING = {
  ablation: "Ablating heads",
  ablation_grid: "Ablating each head alone",
  attended: "Running the prompt",
  attention: "Running the prompt",
  attribution: "Attributing logits",
  head_page: "Reading what a head attends to",
  head_tokens: "Reading what a head writes",
  losses: "Measuring losses",
  patching_estimate: "Estimating ablations",
  patching_exact: "Ablating the heads with the largest estimates",
  patterns: "Running the prompt",
  predictions: "Running the prompt",
  weighed: "Running the prompt",
  wiring: "Finding what feeds a head",
} as const;

/** Of each array the dtype, and its dims after that of checkpoints. */
export const ARRAYS = {
  ablation: {
    loss: "float32",
    loss_change: "float32",
    loss_error: "float32",
    in_context_learning: "float32",
    in_context_learning_change: "float32",
    in_context_learning_error: "float32",
    induction_loss: "float32",
    induction_loss_change: "float32",
    induction_loss_error: "float32",
    control_loss: "float32 draw",
    control_in_context_learning: "float32 draw",
    control_induction_loss: "float32 draw",
    answer_before: "float32",
    answer_after: "float32",
    rank_before: "float32",
    rank_after: "float32",
  },
  ablation_grid: {
    loss: "float32 layer head",
    in_context_learning: "float32 layer head",
    induction_loss: "float32 layer head",
  },
  attended: { attention: "float32 layer head" },
  attention: { attention: "float32 pair" },
  attribution: {
    heads: "float32 layer head",
    out_bias: "float32 layer",
    mlps: "float32 layer",
    embedding: "float32",
    position: "float32",
    bias: "float32",
    logit: "float32",
    mean_logit: "float32",
    cap: "float32",
    target: "int32",
  },
  head_page: {
    rows: "int32",
    row: "int32 sequence",
    interval: "int32 sequence",
    strength: "float32 sequence",
    ids: "int32 sequence position",
    keys: "int32 sequence position slot",
    attention: "uint8 sequence position slot",
    distances: "float32 distance",
    first: "float32",
    from_ids: "int32 token",
    from_share: "float32 token",
    from_times: "float32 token",
    at_ids: "int32 token",
    at_share: "float32 token",
    at_times: "float32 token",
  },
  head_tokens: {
    keys: "int32 key",
    attention: "float32 key",
    scores: "float32 key",
    raised: "int32 key rank",
    raised_by: "float32 key rank",
    lowered: "int32 key rank",
    lowered_by: "float32 key rank",
  },
  losses: { loss: "float32" },
  patching_estimate: { estimated_change: "float32 layer head", metric: "float32" },
  patching_exact: { exact_change: "float32 layer head" },
  patterns: { patterns: "uint8 cell" },
  predictions: {
    ids: "int32 query rank",
    logits: "float32 query rank",
    probabilities: "float32 query rank",
    answer_rank: "int32 query",
    answer_probability: "float32 query",
    losses: "float32 query",
  },
  weighed: { patterns: "uint8 cell" },
  wiring: {
    composition: "float32 layer head",
    previous_token: "float32 layer head",
    effect: "float32 layer head",
    error: "float32 layer head",
    induction: "float32",
  },
} as const;

/** Of heads, in the order in which ties are broken; and the least that names one. */
export const HEAD_CLASSES = [
  { name: "induction", letter: "I", title: "Induction", score: "induction_selectivity" },
  { name: "previous", letter: "P", title: "Previous token", score: "previous_selectivity" },
  { name: "duplicate", letter: "D", title: "Duplicate token", score: "duplicate_selectivity" },
  { name: "first", letter: "F", title: "First token", score: "first_selectivity" },
  { name: "self", letter: "S", title: "Self", score: "self_selectivity" },
  { name: "local", letter: "L", title: "Local", score: "local_selectivity" },
] as const;
export const CLASS_THRESHOLD = 30;
