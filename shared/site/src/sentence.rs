//! Sentences of errors, as people read them in a view.

use maud::{Markup, html};

/// `text`, which goes on after "failed to" or the like, as a sentence of its own: with a capital, unless it begins with a name or a value.
pub(crate) fn sentence(text: &str) -> String {
    let is_word = text.split_whitespace().next().is_some_and(|first| {
        let first = first.trim_end_matches([',', ':', ';']);
        !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'\'')
    });
    if is_word { format!("{}{}", text[..1].to_ascii_uppercase(), &text[1..]) } else { text.to_owned() }
}

/// `text` with what stands between backticks as code.
pub(crate) fn with_code(text: &str) -> Markup {
    let parts: Vec<_> = text.split('`').collect();
    // One without its other is a backtick.
    let has_pairs = parts.len() % 2 == 1;
    html! {
        @if has_pairs {
            @for (number, part) in parts.into_iter().enumerate() {
                @if number % 2 == 1 { code { (part) } } @else { (part) }
            }
        } @else { (text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_get_a_capital_and_names_and_values_stay() {
        for (text, expected) in [
            ("there is no group \"x\"", "There is no group \"x\""),
            ("it's gone", "It's gone"),
            ("no, it is not", "No, it is not"),
            ("stage=\"loadr\" makes no sense", "stage=\"loadr\" makes no sense"),
            ("x-batch is missing", "x-batch is missing"),
            ("\"not json\" is no JSON", "\"not json\" is no JSON"),
            ("data[0] leads nowhere", "data[0] leads nowhere"),
            ("über alles", "über alles"),
            ("'", "'"),
            ("", ""),
        ] {
            assert_eq!(sentence(text), expected);
        }
    }

    #[test]
    fn code_is_code_and_the_rest_is_text() {
        let text = |text| with_code(text).into_string();
        assert_eq!(text("<b>; `a <c>` or `d`"), "&lt;b&gt;; <code>a &lt;c&gt;</code> or <code>d</code>");
        assert_eq!(text("one ` only"), "one ` only");
    }
}
