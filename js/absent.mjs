/** Stands in for a function of a library that the bundle leaves out. */
export const absent = (name) => () => {
  throw new Error(`${name} is left out of the bundle: js/leave-out.mjs says why.`);
};
