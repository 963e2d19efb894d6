//! What may be done about letters: offered to whoever may do it, and told to whoever may not.

use desk::Verb;
use maud::{Markup, html};
use ports::store::LetterState;

use super::filter::{Asked, query};
use crate::access::visitor::{Role, Visitor};
use crate::context::Context;
use crate::jobs::is_settling;

/// What is done to all letters of a filter, and what its button says.
const VERBS: [(Verb, &str); 3] =
    [(Verb::Replay, "Replay…"), (Verb::Resolve, "Resolve…"), (Verb::Drop, "Drop…")];

/// Letters to which something may be done.
pub(super) struct Offer<'a> {
    /// Which.
    pub(super) asked: &'a Asked,
    /// What stands before the verbs.
    pub(super) with: &'a str,
    /// The state of all of them, if it is one.
    pub(super) state: Option<LetterState>,
    /// Whether there is something to send again.
    pub(super) can_be_sent: bool,
    /// The address of the view that they stand in.
    pub(super) here: &'a str,
}

impl Offer<'_> {
    /// Whether something could come of it.
    fn has(&self, verb: Verb) -> bool {
        if is_settling(verb) { !self.state.is_some_and(LetterState::is_settled) } else { self.can_be_sent }
    }
}

/// What may be done to the letters of `offer`, each verb leading to the question whether it is meant.
pub(super) fn verbs(context: &Context, visitor: &Visitor, offer: &Offer<'_>) -> Markup {
    if !visitor.may_act() {
        return only_operators(context, "replays, resolves or drops letters", offer.here);
    }
    let offered: Vec<_> = VERBS.into_iter().filter(|(verb, _)| offer.has(*verb)).collect();
    html! {
        @if !offered.is_empty() {
            form.verbs method="get" action=(context.href("/actions/plan")) {
                (offer.asked.hidden())
                span { (offer.with) ": " }
                @for (verb, name) in offered {
                    button type="submit" name="verb" value=(verb.as_str()) { (name) }
                }
            }
        }
    }
}

/// Who does `what`, for whoever may not, with the way to log in and back to the view `here`.
pub(super) fn only_operators(context: &Context, what: &str, here: &str) -> Markup {
    let login = format!("{}{}", context.href("/login"), query(&[("next", here)]));
    html! {
        p {
            @if context.guard().tokens.has(Role::Operator) {
                "Only an operator " (what) ": " a href=(login) { "log in" } " with the operator's token."
            } @else {
                "Nobody " (what) " here: " code { "[http] operator_token" } " is not set. "
                code { "coinpipe dead" } " does it in a terminal."
            }
        }
    }
}
