"""Tables as LaTeX, with the package booktabs; all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "’": "'",
}


def escaped(text: str) -> str:
    r"""Return a text so that LaTeX prints it as it stands.

    >>> print(escaped("50 % of class_1, 2 × 2"))
    50 \% of class\_1, 2 $\times$ 2
    """
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, caption: str, label: str) -> str:
    """Return a table; the first column is text, the others are numbers, at the right.

    Parameters
    ----------
    columns : sequence of str
        Their headings.
    rows : iterable of sequence of str
        One cell for each column.
    caption : str
    label : str
        By which LaTeX refers to it, after ``tab:``.
    """
    lines = [
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(caption)}}}",
        rf"  \label{{tab:{label}}}",
        rf"  \begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}",
        r"    \toprule",
        f"    {_line(columns)}",
        r"    \midrule",
        *(f"    {_line(row)}" for row in rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"
