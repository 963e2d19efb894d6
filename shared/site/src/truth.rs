//! The one line of truth on top of every view: how the pipeline is, in a sentence.

use maud::Markup;

use crate::context::Context;
use crate::pipeline::line;

/// How the pipeline is now, in a sentence.
pub(crate) async fn truth(context: &Context) -> Markup {
    line::line(context).await
}
