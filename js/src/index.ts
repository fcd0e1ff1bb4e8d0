/** The anywidget module: one store a model, one view a cell that displays it. */
import type { InitializeProps, RenderProps } from "@anywidget/types";
import type { ExplorerModel } from "./model";
import { Store } from "./state";
import { mount } from "./views/app";

export default () => {
  let store: Store;
  return {
    initialize({ model, signal }: Pick<InitializeProps<ExplorerModel>, "model" | "signal">): void {
      store = new Store(model, signal);
    },
    render({ model, el, signal }: Pick<RenderProps<ExplorerModel>, "model" | "el" | "signal">): void {
      mount(model, store, el, signal);
    },
  };
};
