/**
 * Runs the first cell of the notebook that JupyterLab's address names, unless one of its cells has run before, and
 * says what the reader waits for. A prebuilt extension of JupyterLab, written as its bundler would: it needs nothing
 * of JupyterLab's modules, only its commands.
 */
const WAITING = "Python starts and loads the bundled models; the explorer appears in some seconds.";

async function opened(app) {
  await app.restored;
  const { treePath } = JSON.parse(document.getElementById("jupyter-config-data").textContent);
  const named = () => app.shell.currentWidget?.context?.path === treePath;
  if (!named()) {
    await new Promise((resolve) => {
      app.shell.currentChanged.connect(() => {
        if (named()) resolve();
      });
    });
  }
  return app.shell.currentWidget;
}

async function runFirstCell(app) {
  const { content, context, sessionContext } = await opened(app);
  await context.ready;
  if (content.widgets.some(({ model }) => model.executionCount)) return;
  const notice = await app.commands.execute("apputils:notify", {
    message: WAITING,
    type: "in-progress",
    options: { autoClose: false },
  });
  await sessionContext.ready;
  content.activeCellIndex = content.widgets.findIndex(({ model }) => model.type === "code");
  await app.commands.execute("notebook:run-cell");
  await app.commands.execute("apputils:dismiss-notification", { id: notice });
  // A page that is loaded again finds it.
  await app.commands.execute("docmanager:save");
}

const plugin = {
  id: "run-first-cell:plugin",
  autoStart: true,
  // Not awaited: JupyterLab would wait for the kernel before it shows itself.
  activate: (app) => void runFirstCell(app),
};

window._JUPYTERLAB ??= {};
window._JUPYTERLAB["run-first-cell"] = {
  init: () => {},
  get: async () => () => ({ __esModule: true, default: plugin }),
};
