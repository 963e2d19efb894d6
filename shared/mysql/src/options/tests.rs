//! URLs, good and bad, and what they say about TLS.

use super::*;

#[test]
fn urls_that_make_sense_are_taken() {
    for url in [
        "mysql://user:pass@host/coins",
        "mysql://user@host:3307/coins",
        "mysql://us%40er:p%23%2F%3F@[::1]:3306/my%20coins",
        "mysql://user:pass@host/coins?ssl-mode=verify_ca&ssl-ca=/etc/ca.pem&ssl-cert=c.pem&ssl-key=k.pem",
        "mysql://user@localhost/coins?socket=/run/mysqld.sock",
    ] {
        assert_eq!(check_url(url), Ok(()), "{url}");
    }
}

#[test]
fn urls_that_make_no_sense_are_refused_and_say_why() {
    let check = |url: &str, says: &str| {
        let reason = check_url(url).expect_err(url);
        assert!(reason.contains(says), "{url}: {reason}");
    };
    check("sqlite://coinpipe.db", "does not start with mysql:");
    check("mysql://", "names no host");
    check("mysql:///coins", "names no host");
    check("mysql://host/coins", "names no user");
    check("mysql://user@host", "names no database");
    check("mysql://user@host/", "names no database");
    check("mysql://user@host/a/b", "has a /");
    check("mysql://user@host/coins#x", "has a #");
    check("mysql://user@host:port/coins", "cannot be read");
    check("mysql://user@host/coins?sslmode=required", "unknown parameter \"sslmode\"");
    check("mysql://user@host/coins?pool=5", "unknown parameter \"pool\"");
    check("mysql://user@host/coins?ssl-mode=maybe", "not one of disabled");
    check("mysql://user@host/coins?ssl-ca=", "ssl-ca names no file");
    check("mysql://user@host/coins?ssl-ca=x&ssl-mode=required", "of no use without");
    check("mysql://user:%ff@host/coins", "UTF-8");
}

#[test]
fn a_password_is_never_shown() {
    for url in [
        "mysql://user:hunter2@host/coins?ssl-mode=hunter2",
        "mysql://user:1#hunter2@host/coins",
        "mysql://user:1?hunter2@host/coins",
        "mysql://user:1/hunter2@host/coins",
        "mysql://user:hunter2#@host/coins",
        "mysql://user:hunter2/@host/coins",
        "mysql://user:hunter2@host/coins?x=hunter2",
        "mysql://user:hunter2%ff@host/coins",
    ] {
        let reason = check_url(url).expect_err(url);
        assert!(!reason.contains("hunter2"), "{url}: {reason}");
    }
    let options = Options::new("mysql://user:hunter2@host/coins").unwrap();
    assert!(!format!("{options:?}").contains("hunter2"));
    assert!(!options.place.contains("hunter2"));
}

/// A host in brackets would be looked up as a name.
#[test]
fn an_address_loses_the_brackets_it_has_in_a_url() {
    let host = |url: &str| Options::new(url).unwrap().connect.get_host().to_owned();
    assert_eq!(host("mysql://user@[2001:db8::1]:3307/coins"), "2001:db8::1");
    assert_eq!(host("mysql://user@db.example.com/coins"), "db.example.com");
}

#[test]
fn what_goes_over_a_network_is_encrypted_unless_the_url_says_otherwise() {
    let check = |url: &str, mode: &str| {
        let options = Options::new(url).unwrap();
        assert_eq!(format!("{:?}", options.connect.get_ssl_mode()), mode, "{url}");
    };
    check("mysql://user@db.example.com/coins", "Required");
    check("mysql://user@10.0.0.1/coins", "Required");
    check("mysql://user@localhost.example.com/coins", "Required");
    check("mysql://user@localhost/coins", "Preferred");
    check("mysql://user@127.0.0.1/coins", "Preferred");
    check("mysql://user@[::1]/coins", "Preferred");
    check("mysql://user@db/coins?socket=/run/mysqld.sock", "Preferred");
    check("mysql://user@db/coins?ssl-ca=/etc/ca.pem", "VerifyIdentity");
    check("mysql://user@localhost/coins?ssl-ca=/etc/ca.pem", "VerifyIdentity");
    check("mysql://user@db/coins?ssl-ca=/etc/ca.pem&ssl-mode=verify_ca", "VerifyCa");
    check("mysql://user@db/coins?ssl-mode=disabled", "Disabled");
    check("mysql://user@localhost/coins?ssl-mode=required", "Required");
}
