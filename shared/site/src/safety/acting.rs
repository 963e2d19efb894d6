//! Routes that change something. All are made here, from one list, so that a test can try each.

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{RequestExt, Router};
use tracing::info;

use super::gate::check_may_act;
use crate::access::visitor::Visitor;
use crate::context::Context;

/// The largest form, in bytes.
const LARGEST: usize = 1 << 20;

/// A route that changes something, and its address below the base path.
pub(crate) struct Act {
    pub(crate) path: &'static str,
    route: MethodRouter<Context>,
}

impl Act {
    /// `route` at `path`.
    pub(crate) fn new(path: &'static str, route: MethodRouter<Context>) -> Self {
        Self { path, route }
    }
}

/// The routes of `acts`, to which only an operator gets. What each was asked for and what came of it is logged.
pub(crate) fn acting(context: &Context, acts: Vec<Act>) -> Router<Context> {
    acts.into_iter().fold(Router::new(), |routes, Act { path, route }| {
        let route = route
            .route_layer(DefaultBodyLimit::max(LARGEST))
            .route_layer(middleware::from_fn_with_state(context.clone(), act));
        routes.route(path, route)
    })
}

async fn act(State(context): State<Context>, mut request: Request, next: Next) -> Response {
    let visitor = match request.extract_parts::<Visitor>().await {
        Ok(visitor) => visitor,
        Err(trouble) => return trouble.into_response(),
    };
    // The gate saw to it, too; a route that is reached past it must not act either.
    if let Err(trouble) = check_may_act(&context, &visitor) {
        return trouble.into_response();
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answer = next.run(request).await;
    info!(who = visitor.who(), %method, path, status = answer.status().as_u16(), "somebody acted on the site");
    answer
}
