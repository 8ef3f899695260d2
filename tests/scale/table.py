"""The table of goals and figures."""


class Table:
    """Rows are printed as they are measured, and all of them as Markdown at the end."""

    def __init__(self):
        self.rows = []

    def row(self, what, goal, measured, against, met):
        """`met` is None for what cannot be judged here."""
        word = {True: "yes", False: "NO", None: "not measured"}[met]
        self.rows.append((what, goal, measured, against, word))
        print(f"{what}\n    goal {goal}; measured {measured}; against {against}: {word}", flush=True)

    def markdown(self):
        lines = ["| what | goal | measured | against | met |", "| --- | --- | --- | --- | --- |"]
        return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in self.rows])
