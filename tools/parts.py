"""What a reader finds in the widget, by role and name: the ARIA contract of the explorer."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

#: Something stands on a canvas, which is empty until its pattern has come.
DRAWN = """canvas => {
  const { width, height } = canvas;
  return width > 0 && canvas.getContext("2d").getImageData(0, 0, width, height).data.some(Boolean);
}"""


class Explorer:
    """One view of an InductionExplorer on a page."""

    def __init__(self, page: Page, index: int = 0, root: Locator | None = None) -> None:
        self.page = page
        shown = page.locator(".jp-OutputArea-output .ie, body > main .ie")
        self.root = shown.nth(index) if root is None else root
        self.slider = self.root.get_by_role("slider", name="Checkpoint")
        self.play = self.root.get_by_role("button", name="Play")
        self.pause = self.root.get_by_role("button", name="Pause")
        self.score = self.root.get_by_role("combobox", name="Score")
        self.grid = self.root.get_by_role("grid", name="Head scores")
        self.cells = self.grid.get_by_role("gridcell")
        self.patterns = self.root.get_by_role("img", name="Attention pattern")
        self.tokens = self.root.get_by_role("listbox", name="Tokens").get_by_role("option")
        self.status = self.root.get_by_role("status")
        self.prompt = self.root.get_by_role("textbox", name="Prompt")
        self.run = self.root.get_by_role("button", name="Run")
        self.alerts = self.root.get_by_role("alert")
        self.predictions = self.root.get_by_role("table", name="Next-token predictions")
        self.progress = self.root.get_by_role("progressbar")
        self.figure = self.root.get_by_role("figure").first
        self.measures = self.root.get_by_role("tablist", name="Measures").get_by_role("tab")
        self.measure = self.root.get_by_role("tabpanel")

    def cell(self, head: str) -> Locator:
        """The grid cell of a head, "L1H2"."""
        return self.grid.get_by_role("gridcell", name=f"{head} ")

    def pattern(self, head: str) -> Locator:
        return self.root.get_by_role("img", name=f"Attention pattern {head}", exact=True)

    def wait_until_computed(self) -> None:
        """Until every checkpoint is scored and the prompt has run on all of them."""
        expect(self.predictions.locator("tbody tr").nth(1)).to_be_visible()
        for text in ("computing …", "waiting"):
            expect(self.root.get_by_text(text)).to_have_count(0)
        expect(self.progress).to_have_count(0)

    def names(self) -> list[str]:
        """The accessible names of the grid's cells: "L1H2 induction 0.397", ..."""
        return self.cells.evaluate_all("cells => cells.map(c => c.getAttribute('aria-label'))")

    def picture(self, head: str) -> str:
        """A pattern once it is drawn, to compare with itself later."""
        canvas = self.pattern(head)
        self.page.wait_for_function(DRAWN, arg=canvas.element_handle())
        return canvas.evaluate("canvas => canvas.toDataURL()")
