//! A report as HTML for mail programs: one column, no scripts, no pictures, nothing fetched from anywhere.
//!
//! It sets no colours but greys that are seen on white and on black, so a program's dark mode works by itself. Styles stand on
//! the elements, because many programs drop a style sheet. Whatever comes from outside passes [`escape`].

use std::fmt::Write;

use super::LINE_CHARS;
use super::block::{Block, Report};
use domain::one_line;

/// The border of what is set apart.
const BORDER: &str = "1px solid #8888";

/// The type of what is typed.
const TYPED: &str =
    "font:14px/1.4 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;overflow-wrap:anywhere";

/// Writes `report` as a document of its own.
pub(crate) fn html(report: &Report) -> String {
    let title = escape(&report.subject);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n</head>\n\
         <body style=\"margin:0;padding:16px\">\n\
         <div style=\"max-width:600px;margin:0 auto;font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;\
         overflow-wrap:anywhere\">\n"
    );
    for block in &report.blocks {
        write_block(&mut page, block);
    }
    page.push_str("</div>\n</body>\n</html>\n");
    page
}

fn write_block(page: &mut String, block: &Block) {
    match block {
        Block::Heading(heading) => page.extend([
            "<h2 style=\"margin:24px 0 8px;font-size:17px;line-height:1.3\">",
            &escape(heading),
            "</h2>\n",
        ]),
        Block::Text(sentences) => page.extend(["<p style=\"margin:8px 0\">", &escape(sentences), "</p>\n"]),
        Block::Points(points) => {
            page.push_str("<ul style=\"margin:8px 0;padding-left:20px\">\n");
            for point in points {
                page.extend(["<li>", &escape(point), "</li>\n"]);
            }
            page.push_str("</ul>\n");
        }
        Block::Facts(facts) => {
            page.push_str("<table role=\"presentation\" style=\"border-collapse:collapse;margin:8px 0\">\n");
            for (name, value) in facts {
                page.extend([
                    "<tr><td style=\"padding:2px 16px 2px 0;vertical-align:top;white-space:nowrap;opacity:.7\">",
                    &escape(name),
                    "</td>\n<td style=\"padding:2px 0;vertical-align:top\">",
                    &escape(value),
                    "</td></tr>\n",
                ]);
            }
            page.push_str("</table>\n");
        }
        Block::Quote(quote) => page.extend([
            "<blockquote style=\"margin:8px 0;padding:2px 0 2px 12px;border-left:4px solid #8888\">",
            &escape(quote),
            "</blockquote>\n",
        ]),
        Block::Link { does, url } => page.extend([
            "<p style=\"margin:8px 0 12px\">",
            &escape(does),
            ":<br>\n<a href=\"",
            &escape(url),
            "\">",
            &escape(url),
            "</a></p>\n",
        ]),
        Block::Command { does, line } => page.extend([
            "<p style=\"margin:8px 0 4px\">",
            &escape(does),
            ":</p>\n<pre style=\"margin:0 0 12px;padding:8px 10px;border:",
            BORDER,
            ";border-radius:6px;",
            TYPED,
            "\">",
            &escape(line),
            "</pre>\n",
        ]),
    }
}

/// `text` in one line as text of HTML and of its attributes, in ASCII, so that no mail server has to encode it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in one_line(text, LINE_CHARS).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_ascii() => escaped.push(c),
            c => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sidekiq, CVE-2024-32887: a name that became a script.
    #[test]
    fn nothing_from_outside_is_markup() {
        let hostile = "<script>alert(1)</script>\" onclick='x' & é \u{202e}\u{1b}".to_owned();
        let blocks = vec![
            Block::Heading(hostile.clone()),
            Block::Text(hostile.clone()),
            Block::Points(vec![hostile.clone()]),
            Block::Facts(vec![("name", hostile.clone())]),
            Block::Quote(hostile.clone()),
            Block::Command { does: "Look", line: hostile.clone() },
            Block::Link { does: "Look", url: hostile.clone() },
        ];
        // The title, and the address that is also what is read.
        let count = blocks.len() + 2;
        let page = html(&Report { subject: hostile, blocks });
        let harmless = "&lt;script&gt;alert(1)&lt;/script&gt;&quot; onclick=&#39;x&#39; &amp; &#233;   ";
        assert_eq!(page.matches(harmless).count(), count, "{page}");
        assert!(page.is_ascii() && !page.contains("<script"), "{page}");
    }
}
