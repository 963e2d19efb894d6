//! Numbers as JSON writes them, read exactly.

/// Powers of ten that are doubles exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The digits of a number.
struct Digits {
    /// All of them, without point; what 64 bits cannot hold is lost.
    all: u64,
    /// How many there are.
    count: usize,
    /// How many of them follow the point.
    decimals: usize,
    /// Whether an exponent follows.
    scientific: bool,
    /// The bytes that the number takes.
    length: usize,
}

/// The double nearest to the number that `text` begins with, and the bytes that it takes. `None` when there is none, or
/// it is beyond the largest double.
pub(super) fn parse(text: &str) -> Option<(f64, usize)> {
    /// Whole numbers up to here are doubles exactly.
    const EXACT: u64 = 1 << 53;
    let digits = scan(text.as_bytes())?;
    let value = match POWERS.get(digits.decimals) {
        // Both are exact, so the one division rounds to the nearest double. Nineteen digits always fit 64 bits.
        Some(power) if !digits.scientific && digits.count <= 19 && digits.all <= EXACT => {
            #[expect(clippy::cast_precision_loss, reason = "it is not above 2^53")]
            let value = digits.all as f64 / power;
            if text.starts_with('-') { -value } else { value }
        }
        _ => text.get(..digits.length)?.parse().ok().filter(|value: &f64| value.is_finite())?,
    };
    Some((value, digits.length))
}

/// The whole number that `bytes` begin with, and the bytes that it takes; `None` for what has a sign, a point or an
/// exponent.
pub(super) fn parse_whole(bytes: &[u8]) -> Option<(u32, usize)> {
    let digits = scan(bytes)?;
    if digits.length == digits.count && digits.count <= 10 {
        Some((u32::try_from(digits.all).ok()?, digits.length))
    } else {
        None
    }
}

/// How many bytes the number takes that `bytes` begin with.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    scan(bytes).map(|digits| digits.length)
}

fn scan(bytes: &[u8]) -> Option<Digits> {
    let mut all = 0_u64;
    let mut run = |begin: usize| {
        let mut end = begin;
        while let Some(digit @ b'0'..=b'9') = bytes.get(end) {
            all = all.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            end += 1;
        }
        end
    };
    let begin = usize::from(bytes.first() == Some(&b'-'));
    let mut length = run(begin);
    let whole = length - begin;
    if whole == 0 || whole > 1 && bytes.get(begin) == Some(&b'0') {
        return None;
    }
    let mut decimals = 0;
    if bytes.get(length) == Some(&b'.') {
        let end = run(length + 1);
        decimals = end - length - 1;
        if decimals == 0 {
            return None;
        }
        length = end;
    }
    let scientific = matches!(bytes.get(length), Some(b'e' | b'E'));
    if scientific {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let begin = length + 1 + sign;
        length = run(begin);
        if length == begin {
            return None;
        }
    }
    Some(Digits { all, count: whole + decimals, decimals, scientific, length })
}
