//! The operator's editor.

use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, bail, ensure};

/// What `text` is after the operator edited it in `$VISUAL` or `$EDITOR`; `None` when nothing was changed.
pub(super) async fn edit(text: &str) -> anyhow::Result<Option<String>> {
    let named = |name| std::env::var(name).ok().filter(|editor: &String| !editor.trim().is_empty());
    let Some(editor) = named("VISUAL").or_else(|| named("EDITOR")) else {
        bail!("no editor: set EDITOR, or use --set, --header or --file");
    };
    // Readable by nobody else: a page is no secret, but what stands in an editor may be.
    let mut file = tempfile::Builder::new().prefix("coinpipe-letter-").suffix(".txt").tempfile()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    let path = file.into_temp_path();
    // As git does it: the editor may have arguments of its own.
    let status = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("editor")
        .arg(&path)
        .stdin(Stdio::inherit())
        .status()
        .await
        .with_context(|| format!("cannot start the editor {editor:?}"))?;
    ensure!(status.success(), "the editor {editor:?} failed; nothing was changed");
    let edited = std::fs::read_to_string(&path).context("the edited file is no text")?;
    Ok((edited != text).then_some(edited))
}
