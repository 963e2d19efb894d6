//! All faults, as they are written on a command line, with what the client meets.

/// How each fault is written, and what the client meets. In capitals: what is put there; in brackets: what may be left out.
pub const FAULTS: [(&str, &str); 34] = [
    ("status=HTTP", "this HTTP status, with the API's error body"),
    ("error=CODE", "the documented error with this code (400, 500, 1001 to 1011, 1022) and its HTTP status"),
    ("error-in-200=CODE", "the same error, but HTTP says 200"),
    ("html[=HTTP]", "a maintenance page, with 200 or this status"),
    ("firewall[=HTTP]", "a page as Cloudflare's firewall sends it, with 403 or this status, and its ray id"),
    ("empty-body", "200 and nothing"),
    ("huge", "a valid listing of 128 MiB of spaces; a bomb when gzip is accepted"),
    ("retry-after=DURATION", "a Retry-After header on answers that are errors"),
    ("slow=DURATION", "nothing for so long, then the answer"),
    ("trickle=DURATION", "the body in small pieces over so long"),
    ("truncate", "half of the JSON, as if it were all"),
    ("close", "the connection closed halfway through the body"),
    ("empty-data", "a listing without coins"),
    ("text-code", "the number of the error as text: \"error_code\":\"0\""),
    ("extra", "a field that nobody has seen before, in every coin and quote"),
    ("missing=NAME", "this field is gone from every coin and quote"),
    (
        "retyped=NAME",
        "this field has another type in every coin and quote: numbers become text, anything else a number",
    ),
    ("null-price", "every hundredth coin's price is null, from the first"),
    ("negative-price", "every hundredth coin's price is negative"),
    ("duplicate", "every hundredth coin is there twice"),
    ("frozen", "time stands still for the market; recordings do not go on"),
    ("old=DURATION", "quotes as they were so long ago, though the envelope has the time of now"),
    ("ahead=DURATION", "the API's clock is so far ahead"),
    ("same-page", "the first coins, whatever start says"),
    ("short=N", "the first N coins of the page, though there are more"),
    ("without-top=N", "a first page without its best N coins, though they are counted"),
    ("times=FACTOR", "every price, so many times as high"),
    ("null=NAME", "this field is null in every coin and quote"),
    ("renamed[=ID]", "this coin (1 by default) has another name, symbol and slug"),
    ("vanished[=ID]", "this coin (1 by default) is not listed"),
    ("past-empty", "an answer of the history without a coin"),
    ("past-hours=N", "the first N of the hours that the history was asked for"),
    ("past-short=N", "the first N of the coins that the history was asked for"),
    ("past-credits=N", "an answer of the history that costs N credits"),
];

/// What may stand behind each of them.
const NEXT: &str = "each may end in :N, which is for the next N requests that it applies to";

/// The faults in a line, for whoever wrote none of them.
pub(super) fn names() -> String {
    let names: Vec<_> = FAULTS.iter().map(|(written, _)| *written).collect();
    format!("{}; {NEXT}", names.join(", "))
}

/// The faults in lines, each with what the client meets.
pub fn help() -> String {
    let longest = FAULTS.iter().map(|(written, _)| written.len()).max().unwrap_or_default();
    let lines: Vec<_> =
        FAULTS.iter().map(|(written, meets)| format!("{written:<longest$}  {meets}")).collect();
    format!("{}\n\n{}{}.", lines.join("\n"), NEXT[..1].to_uppercase(), &NEXT[1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;

    /// What can be written there, by what stands for it.
    const VALUES: [(&str, &str); 7] = [
        ("HTTP", "503"),
        ("CODE", "1008"),
        ("DURATION", "2s"),
        ("NAME", "price"),
        ("FACTOR", "1e6"),
        ("ID", "1027"),
        ("N", "7"),
    ];

    #[test]
    fn what_is_listed_can_be_written_and_has_a_sentence() {
        for (written, meets) in FAULTS {
            let (name, value) = match written.trim_end_matches(']').split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (written, None),
            };
            let value = value.map(|named| VALUES.iter().find(|(name, _)| *name == named).expect(named).1);
            if let Some(bare) = name.strip_suffix('[') {
                bare.parse::<Fault>().expect(bare);
            }
            let name = name.trim_end_matches('[');
            let text = value.map_or_else(|| name.to_owned(), |value| format!("{name}={value}"));
            text.parse::<Fault>().expect(written);
            assert!(meets.split(' ').count() > 1, "{written}: {meets}");
            assert!(
                help().lines().any(|line| line.starts_with(written) && line.ends_with(meets)),
                "{written}"
            );
        }
    }
}
