"""What is wrong with a template, in words of people who write prompts instead of Jinja2's parser's."""

import re

_WORDS = (
    (r"expected token 'end of print statement', got '(\w+)'", "a name has no blanks, and \\1 follows one within {{ }}"),
    (r"unexpected end of template, expected 'end of print statement'\.", "a {{ is not closed by }}"),
    (r"unexpected end of template, expected 'end of statement block'\.", "a {% is not closed by %}"),
    (r"unexpected '}'.*", "a } stands where }} or %} is missing"),
    (r"Unexpected end of template\. .* is '(\w+)'\.", r"{% \1 … %} is not closed by {% end\1 %}"),
    (r"Encountered unknown tag '(\w+)'.*", r"{% \1 %} means nothing here"),
    (r"No (filter|test) named '(.+)'\.", r"there is no \1 '\2'"),
)


def in_own_words(message: str) -> str:
    """Return what a message of Jinja2's parser means, for the mistakes that are common."""
    for pattern, words in _WORDS:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return found.expand(words)
    return f"what stands within the braces cannot be read ({message.rstrip('.')})"
