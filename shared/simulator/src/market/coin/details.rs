//! What coins have beside numbers: tags, and the chains that tokens live on.

/// Chains that generated tokens live on: id, name, symbol, slug.
pub(super) const CHAINS: [(u32, &str, &str, &str); 5] = [
    (1027, "Ethereum", "ETH", "ethereum"),
    (1839, "BNB", "BNB", "bnb"),
    (5426, "Solana", "SOL", "solana"),
    (1958, "TRON", "TRX", "tron"),
    (5805, "Avalanche", "AVAX", "avalanche"),
];
/// 48 tags; coins take them in strides that are coprime to 48, so that no coin has a tag twice.
const TAGS: [&str; 48] = [
    "mineable",
    "pow",
    "pos",
    "smart-contracts",
    "defi",
    "memes",
    "collectibles-nfts",
    "gaming",
    "metaverse",
    "ai-big-data",
    "dao",
    "governance",
    "yield-farming",
    "amm",
    "dex",
    "lending-borrowing",
    "layer-1",
    "layer-2",
    "rollups",
    "scaling",
    "zero-knowledge-proofs",
    "privacy",
    "oracles",
    "interoperability",
    "payments",
    "storage",
    "filesharing",
    "identity",
    "iot",
    "logistics",
    "real-world-assets",
    "tokenized-stock",
    "stablecoin",
    "wrapped-tokens",
    "liquid-staking-derivatives",
    "restaking",
    "depin",
    "socialfi",
    "sports",
    "fan-token",
    "ethereum-ecosystem",
    "bnb-chain-ecosystem",
    "solana-ecosystem",
    "tron20-ecosystem",
    "avalanche-ecosystem",
    "polygon-ecosystem",
    "arbitrum-ecosystem",
    "base-ecosystem",
];
const STRIDES: [usize; 5] = [1, 5, 7, 11, 13];

/// Some tags, as a JSON array.
pub(super) fn tags(rng: &mut fastrand::Rng) -> String {
    let stride = *rng.choice(&STRIDES).unwrap_or(&1);
    let tags: Vec<String> = TAGS
        .iter()
        .cycle()
        .skip(rng.usize(..TAGS.len()))
        .step_by(stride)
        .take(rng.usize(1..=24))
        .map(|tag| format!("\"{tag}\""))
        .collect();
    format!("[{}]", tags.join(","))
}

/// The chain and the contract of a token, as a JSON object.
pub(super) fn platform((id, name, symbol, slug): (u32, &str, &str, &str), contract: &str) -> String {
    format!(
        r#"{{"id":{id},"name":"{name}","symbol":"{symbol}","slug":"{slug}","token_address":"{contract}"}}"#
    )
}

/// An address on a chain.
pub(super) fn contract(rng: &mut fastrand::Rng) -> String {
    format!("0x{:032x}{:08x}", rng.u128(..), rng.u32(..))
}
