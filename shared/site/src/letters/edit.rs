//! A letter's message is changed by hand: a form, what it would change, and keeping it.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use desk::{Checked, Document, Editing, path_is_hidden, quoted_name, set_value, shown_name};
use maud::{Markup, html};
use ports::StoreError;

use super::act::unless_the_process_ends;
use super::form::Form;
use super::letter::{editable, still_there};
use super::parts::{alert, letter_path, lines, plain};
use crate::access::visitor::Visitor;
use crate::context::Context;
use crate::layout::{Section, Shell};
use crate::safety::check_may_act;
use crate::trouble::Trouble;
use desk::Hidden;

/// The longest message that is edited as a whole, in bytes: a form is no place for a page of 5,000 coins.
const WHOLE: usize = 200_000;

/// The button that leads from the difference back to the form.
const BACK: &str = "back";

/// The fields of the form.
const FIELDS: [&str; 6] = ["document", "path", "value", "header", "header_value", "to_another_kind"];

async fn editing(context: &Context, id: &str) -> Result<Editing, Trouble> {
    let (filed, handling) = still_there(context, id).await?;
    editable(context, filed, &handling).map_err(|error| Trouble::BadParameter(format!("{error:#}")))
}

pub(super) async fn view(
    State(context): State<Context>,
    Path(id): Path<String>,
    visitor: Visitor,
) -> Result<Response, Trouble> {
    check_may_act(&context, &visitor)?;
    let editing = editing(&context, &id).await?;
    Ok(asked(&context, &id, &editing, &Form::default(), None).await)
}

/// The form with what was filled in, and `wrong`, if that could not be done: nobody types it once more.
async fn asked(
    context: &Context,
    id: &str,
    editing: &Editing,
    form: &Form,
    wrong: Option<&Trouble>,
) -> Response {
    let before = editing.before().to_text();
    let can_be_whole = before.len() <= WHOLE && context.hidden().is_empty();
    let document = Some(form.text("document")).filter(|text| !text.is_empty()).unwrap_or(&before);
    let shell = Shell::new(context, format!("Edit {}", shown_name(id)), Section::Letters).await;
    let line = |name: &'static str, label: &'static str, hint: &'static str| {
        html! { label { (label) " " input type="text" name=(name) value=(form.text(name)) placeholder=(hint); } }
    };
    let main = html! {
        (alert(wrong))
        p { "The edit becomes a letter of its own, and the original stays. Nothing is kept before you have seen the difference." }
        form.edit method="post" action={ (letter_path(context, id)) "/check" } {
            h2 { "One value" }
            (line("path", "Path", "data[id=1027].name"))
            (line("value", "Value, as JSON", "\"Ethereum\""))
            (line("header", "Header", "x-page"))
            (line("header_value", "Its text", ""))
            @if can_be_whole {
                h2 { "Or all of it" }
                label for="document" { "Headers, an empty line, the body" }
                textarea id="document" name="document" rows="24" spellcheck="false" autocomplete="off" { "\n" (document) }
            } @else {
                p { "To edit all of it: " code { "coinpipe dead edit " (quoted_name(id)) } }
            }
            (kind_box(form.is_ticked("to_another_kind")))
            button type="submit" { "Show the difference" }
            " " a href=(letter_path(context, id)) { "Back" }
        }
    };
    let status = wrong.map_or(StatusCode::OK, Trouble::status);
    (status, shell.around(context, &main)).into_response()
}

fn kind_box(is_ticked: bool) -> Markup {
    html! {
        label {
            input type="checkbox" name="to_another_kind" value="yes" checked[is_ticked];
            " It may become another message than the one that died (another endpoint, batch or page)"
        }
    }
}

/// The document that a form makes of the letter.
fn changed(editing: &Editing, form: &Form) -> anyhow::Result<Document> {
    let before = editing.before();
    // Browsers send a line's end as two characters.
    let text = form.text("document").replace("\r\n", "\n");
    let mut after = if text.is_empty() { before.clone() } else { before.with_text(&text)? };
    if !form.text("path").trim().is_empty() {
        after.body = set_value(&after.body, form.text("path").trim(), form.text("value"))?;
    }
    let header = form.text("header").trim();
    match form.text("header_value") {
        _ if header.is_empty() => {}
        "" => drop(after.headers.remove(header)),
        value => after.headers.set(header, value),
    }
    Ok(after)
}

/// Refuses what would show, or let somebody guess, what `[http] hide` hides.
fn check_hides(hidden: Hidden<'_>, form: &Form) -> Result<(), Trouble> {
    if hidden.is_nothing() {
        return Ok(());
    }
    if !form.text("document").is_empty() {
        let said =
            "all of it is not edited here, because [http] hide hides something; `coinpipe dead edit` does";
        return Err(Trouble::Forbidden(said.to_owned()));
    }
    // An edit that changes nothing, or leads nowhere, is told: by it somebody could guess what is there.
    let (path, value) = (form.text("path").trim(), form.text("value"));
    let is_hidden = hidden.has_header(form.text("header").trim(), form.text("header_value"))
        || path_is_hidden(path, hidden)
        || hidden.body(value).is_some_and(|shown| shown != value);
    if is_hidden {
        let said = "what [http] hide hides is neither edited here nor does it choose what is; `coinpipe dead edit` does";
        return Err(Trouble::Forbidden(said.to_owned()));
    }
    Ok(())
}

async fn checked(context: &Context, editing: &Editing, form: &Form) -> Result<Checked, Trouble> {
    let hidden = Hidden(context.hidden());
    check_hides(hidden, form)?;
    let after = changed(editing, form).map_err(wrong)?;
    let to_another = form.is_ticked("to_another_kind");
    let checking = editing.check(context.stores(), &after, to_another, context.trial(), context.now());
    checking.await.map_err(wrong)
}

/// What came of an edit. That the store is away says nothing about it.
fn wrong(error: anyhow::Error) -> Trouble {
    match error.downcast::<StoreError>() {
        Ok(error) => error.into(),
        Err(error) => Trouble::BadParameter(format!("{error:#}")),
    }
}

pub(super) async fn check(
    State(context): State<Context>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Trouble> {
    let fields = [&FIELDS[..], &[BACK]].concat();
    let (form, editing) = (Form::read(&body, &fields, &[])?, editing(&context, &id).await?);
    if form.is_ticked(BACK) {
        return Ok(asked(&context, &id, &editing, &form, None).await);
    }
    let checked = match checked(&context, &editing, &form).await {
        Ok(checked) => checked,
        Err(trouble) => return Ok(asked(&context, &id, &editing, &form, Some(&trouble)).await),
    };
    let shell = Shell::new(&context, "Keep this edit?", Section::Letters).await;
    let main = html! {
        p { "Of the letter " bdi { (shown_name(&id)) } ":" }
        ul.difference { @for line in &checked.difference { li { code { bdi { (lines(line)) } } } } }
        p { strong { (plain(&checked.verdict, 400)) } }
        form method="post" action={ (letter_path(&context, &id)) "/keep" } {
            @for name in FIELDS {
                @if !form.text(name).is_empty() { input type="hidden" name=(name) value=(form.text(name)); }
            }
            button type="submit" { "Keep it as " (shown_name(checked.id().as_str())) }
            " " button type="submit" name=(BACK) value="yes" formaction={ (letter_path(&context, &id)) "/check" } { "No, back" }
        }
    };
    Ok(shell.around(&context, &main))
}

pub(super) async fn keep(
    State(context): State<Context>,
    Path(id): Path<String>,
    visitor: Visitor,
    body: Bytes,
) -> Result<Response, Trouble> {
    let keeping = async move {
        let (form, editing) = (Form::read(&body, &FIELDS, &[])?, editing(&context, &id).await?);
        let edit = async {
            let checked = checked(&context, &editing, &form).await?;
            let kept = checked.keep(context.stores(), &context.who(&visitor), context.now()).await;
            kept.map(|()| checked.id().to_string()).map_err(wrong)
        };
        Ok(match edit.await {
            Ok(id) => Redirect::to(&letter_path(&context, &id)).into_response(),
            Err(trouble) => asked(&context, &id, &editing, &form, Some(&trouble)).await,
        })
    };
    unless_the_process_ends(keeping).await
}
