"""What is wrong where a noun or a verb does not agree with its number."""

import re

ONE = "sequence|image|subject|person|seed|pair|epoch|setting|fold|deviation"
MANY = "sequences|images|subjects|people|seeds|pairs|epochs|settings|folds|deviations"
BETWEEN = r"(?:test |training |common )?"
WRONG = (
    rf"(?<![\d.,])1 {BETWEEN}(?:{MANY})\b",
    rf"(?<![\d.,])(?:0|[2-9]|\d\d+) {BETWEEN}(?:{ONE})\b",
    r"(?<![\d.,])(?<!of )1 (?:of \d+ )?(?:test )?\w+ (?:are|show|have|were|deviate)\b",
    r"(?<![\d.,])(?<!of )[02] (?:of \d+ )?(?:test )?\w+ (?:is|shows|has|was|deviates)\b",
    r"\bmistakes\b",
)


def agrees(*texts):
    for text in texts:
        for wrong in WRONG:
            assert not re.search(wrong, text), text
