//! What a plain scalar means (YAML 1.2.2, section 10.3.2, the core schema).

use serde_json::Number;

use super::Value;

/// The value, or the text itself when it is a number that JSON lacks.
pub(super) fn resolve(text: &str) -> Result<Value, NotFinite> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if is_not_finite(text) {
        return Err(NotFinite);
    }
    let number = number(text).map(|number| Value::Number(number, text.to_owned()));
    Ok(number.unwrap_or_else(|| Value::String(text.to_owned())))
}

/// An infinity, or what is not a number.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct NotFinite;

fn is_not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn number(text: &str) -> Option<Number> {
    integer(text).or_else(|| is_float(text).then(|| float(text)).flatten())
}

fn integer(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0o") {
        return in_radix(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return in_radix(digits, 16);
    }
    let positive = text.strip_prefix('+').unwrap_or(text);
    let digits = positive.strip_prefix('-').unwrap_or(positive);
    if !is_digits(digits) || text.starts_with("+-") {
        return None;
    }
    let unsigned = positive.parse::<u64>().ok().map(Number::from);
    unsigned.or_else(|| positive.parse::<i64>().ok().map(Number::from))
}

fn in_radix(digits: &str, radix: u32) -> Option<Number> {
    // `from_str_radix` would take a sign.
    if digits.starts_with(['-', '+']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok().map(Number::from)
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits = match (whole, fraction) {
        ("", fraction) => is_digits(fraction),
        (whole, "") => is_digits(whole),
        (whole, fraction) => is_digits(whole) && is_digits(fraction),
    };
    mantissa_fits && exponent.is_none_or(is_signed_digits)
}

fn is_signed_digits(text: &str) -> bool {
    is_digits(text.strip_prefix(['-', '+']).unwrap_or(text))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number beyond what 64 bits can count is a float too; one beyond those is text.
fn float(text: &str) -> Option<Number> {
    Number::from_f64(text.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve(text) {
            Ok(Value::Null) => "null".to_owned(),
            Ok(Value::Bool(truth)) => truth.to_string(),
            Ok(Value::Number(number, _)) => format!("number {number}"),
            Ok(Value::String(text)) => format!("string {text}"),
            Ok(other) => format!("{other:?}"),
            Err(NotFinite) => "not finite".to_owned(),
        }
    }

    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        for (text, expected) in [
            ("", "null"),
            ("~", "null"),
            ("NULL", "null"),
            ("nULL", "string nULL"),
            ("true", "true"),
            ("False", "false"),
            // Booleans in YAML 1.1, and the best known trap of it.
            ("no", "string no"),
            ("on", "string on"),
            ("yes", "string yes"),
            ("0", "number 0"),
            ("-0", "number 0"),
            ("+12", "number 12"),
            ("+-12", "string +-12"),
            ("0777", "number 777"),
            ("0o17", "number 15"),
            ("0x1F", "number 31"),
            ("0x", "string 0x"),
            ("0x-1", "string 0x-1"),
            ("1_000", "string 1_000"),
            ("18446744073709551615", "number 18446744073709551615"),
            ("18446744073709551616", "number 1.8446744073709552e+19"),
            ("-9223372036854775808", "number -9223372036854775808"),
            ("1.5", "number 1.5"),
            (".5", "number 0.5"),
            ("5.", "number 5.0"),
            (".", "string ."),
            ("1e3", "number 1000.0"),
            ("1e", "string 1e"),
            ("1e999", "string 1e999"),
            ("e3", "string e3"),
            (".inf", "not finite"),
            ("-.INF", "not finite"),
            (".nan", "not finite"),
            ("inf", "string inf"),
            ("127.0.0.1", "string 127.0.0.1"),
            ("30s", "string 30s"),
            // Base 60 in YAML 1.1.
            ("12:30:45", "string 12:30:45"),
        ] {
            assert_eq!(shown(text), expected, "text: {text:?}");
        }
    }
}
