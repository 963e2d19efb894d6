//! What the tables hold of the coins that are loaded: found first, which locks them, and read while the server is busy.

use super::coins::{KnownCoins, SeenCoin};
use super::quotes::Held;
use super::read;
use super::statements::{Reader, Statements};

/// What the driver gives.
pub(super) struct Found<R> {
    coins: Vec<R>,
    identities: Vec<R>,
    latest: Vec<R>,
}

impl<R> Found<R> {
    /// Those of the coins that were `seen`, which stay locked.
    pub(super) async fn lock<S: Statements<Found = R>>(
        statements: &mut S,
        seen: &[SeenCoin<'_>],
    ) -> Result<Self, S::Error> {
        let ids: Vec<u32> = seen.iter().map(|seen| seen.coin.id).collect();
        Ok(Self {
            coins: statements.of_coins(&read::coins().locked(S::COINS_LOCK), &ids).await?,
            identities: statements.of_coins(&read::identities(S::IDENTITY_COLUMNS), &ids).await?,
            latest: statements.of_coins(&read::latest_keys(), &ids).await?,
        })
    }
}

/// What the rows say. `K` is the key of an identity.
pub(super) struct Stored<K> {
    pub(super) known: KnownCoins<K>,
    pub(super) latest: Held,
}

impl<K: Ord + Send> Stored<K> {
    /// Reads `found`, a part at a time: what is polled beside it goes on in between. What was read is freed at once.
    pub(super) async fn read<S: Statements<IdentityKey = K>>(
        found: Found<S::Found>,
    ) -> Result<Self, S::Error> {
        let mut latest = Held::default();
        latest.extend(in_parts::<S, _>(found.latest, read::held).await?);
        let known = KnownCoins {
            coins: in_parts::<S, _>(found.coins, read::coin).await?.into_iter().collect(),
            identities: in_parts::<S, _>(found.identities, S::known_identity).await?.into_iter().collect(),
        };
        Ok(Self { known, latest })
    }
}

async fn in_parts<S: Statements, T: Send>(
    found: Vec<S::Found>,
    reader: Reader<T>,
) -> Result<Vec<T>, S::Error> {
    let mut all = Vec::with_capacity(found.len());
    for (number, found) in found.into_iter().enumerate() {
        S::read(&found, reader, &mut all)?;
        if number % S::AT_ONCE == S::AT_ONCE - 1 {
            tokio::task::yield_now().await;
        }
    }
    Ok(all)
}
