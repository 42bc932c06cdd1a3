//! Where a request comes from when proxies stand in between: only those that were named are
//! believed, and only what they themselves have added.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, header};

/// The header in which proxies say whom they speak for; each adds to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedBy {
    /// `X-Forwarded-For: a, b`
    #[default]
    XForwardedFor,
    /// `Forwarded: for=a, for="[b]:80"` (RFC 7239)
    Forwarded,
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

/// A text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address and a number of bits, such as 10.0.0.0/8")]
pub struct NoNetwork;

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (first, bits) = match text.split_once('/') {
            Some((first, bits)) => (first, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = first.trim().parse().map_err(|_| NoNetwork)?;
        let most = if first.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.trim().parse().map_err(|_| NoNetwork))?;
        if bits > most { Err(NoNetwork) } else { Ok(Self { first, bits }) }
    }
}

impl Network {
    /// Whether `address` is one of them.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        let bits = u32::from(self.bits);
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                u32::from(first).checked_shr(32 - bits) == u32::from(address).checked_shr(32 - bits)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                u128::from(first).checked_shr(128 - bits)
                    == u128::from(address).checked_shr(128 - bits)
            }
            _ => false,
        }
    }
}

/// The proxies that are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// Where they are.
    pub trusted: Vec<Network>,
    /// How they say it.
    pub by: ForwardedBy,
}

impl Proxies {
    /// Who called, given who is at the other end of the line: the last of those named that is no
    /// proxy of ours. What stands before it could have been written by anybody.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let named = self.named(headers);
        let mut named = named.iter().rev();
        while self.trusted.iter().any(|network| network.holds(client)) {
            // A proxy that says nothing that can be read is as far as we can see.
            match named.next().copied().flatten() {
                Some(before) => client = before,
                None => break,
            }
        }
        client
    }

    /// The addresses in the header, in their order; none for what is no address.
    fn named(&self, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
        let name = match self.by {
            ForwardedBy::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            ForwardedBy::Forwarded => header::FORWARDED,
        };
        let lines = headers.get_all(name);
        lines
            .iter()
            .flat_map(|line| line.to_str().unwrap_or_default().split(','))
            .map(|hop| match self.by {
                ForwardedBy::XForwardedFor => address(hop.trim()),
                ForwardedBy::Forwarded => hop.split(';').find_map(|pair| {
                    let (key, value) = pair.trim().split_once('=')?;
                    key.eq_ignore_ascii_case("for").then(|| address(value.trim_matches('"')))?
                }),
            })
            .collect()
    }
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse().ok();
    let bracketed = || text.strip_prefix('[')?.split_once(']')?.0.parse().ok();
    let with_port = || text.rsplit_once(':')?.0.parse::<std::net::Ipv4Addr>().ok().map(IpAddr::V4);
    plain.or_else(bracketed).or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use axum::http::HeaderValue;

    use super::*;

    fn proxies(by: ForwardedBy) -> Proxies {
        let trusted = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"];
        Proxies { trusted: trusted.iter().map(|text| text.parse().unwrap()).collect(), by }
    }

    fn client(by: ForwardedBy, peer: &str, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
            headers.append(header::FORWARDED, HeaderValue::from_static(line));
        }
        proxies(by).client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let by = ForwardedBy::XForwardedFor;
        assert_eq!(client(by, "203.0.113.5", &["198.51.100.1"]), "203.0.113.5");
        assert_eq!(client(by, "192.0.2.8", &["198.51.100.1"]), "192.0.2.8");
        let nobody = Proxies::default();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.1"));
        let peer = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(nobody.client(peer, &headers), peer);
    }

    #[test]
    fn of_those_named_the_last_that_is_no_proxy_of_ours_counts() {
        let by = ForwardedBy::XForwardedFor;
        assert_eq!(client(by, "10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        // What a caller wrote into the header before our proxy saw it stands further left.
        assert_eq!(client(by, "10.1.2.3", &["127.0.0.1, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(client(by, "10.1.2.3", &["8.8.8.8", "198.51.100.1, 10.9.9.9"]), "198.51.100.1");
        assert_eq!(client(by, "::ffff:10.1.2.3", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(client(by, "10.1.2.3", &["10.0.0.5"]), "10.0.0.5");
    }

    #[test]
    fn what_cannot_be_read_hides_nobody() {
        let by = ForwardedBy::XForwardedFor;
        for line in ["", "unknown", "198.51.100.1, nonsense", "1.2.3", "[::1", "a:b:c"] {
            assert_eq!(client(by, "10.1.2.3", &[line]), "10.1.2.3", "{line}");
        }
        assert_eq!(client(by, "10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn the_standard_header_is_read_where_it_was_chosen() {
        let by = ForwardedBy::Forwarded;
        assert_eq!(client(by, "10.1.2.3", &["for=198.51.100.1;proto=https"]), "198.51.100.1");
        assert_eq!(
            client(by, "10.1.2.3", &["for=9.9.9.9, proto=https; For=\"[2001:db9::1]:80\""]),
            "2001:db9::1"
        );
        assert_eq!(client(by, "10.1.2.3", &["for=_hidden"]), "10.1.2.3");
        assert_eq!(client(by, "10.1.2.3", &["198.51.100.1"]), "10.1.2.3");
    }

    #[test]
    fn a_network_is_an_address_and_bits() {
        for bad in ["", "10.0.0.0/33", "::/129", "ten/8", "10.0.0.0/-1", "10.0.0.0/x"] {
            assert_eq!(bad.parse::<Network>(), Err(NoNetwork), "{bad}");
        }
        let everything: Network = "0.0.0.0/0".parse().unwrap();
        assert!(everything.holds(IpAddr::from([1, 2, 3, 4])));
        assert!(!everything.holds("::1".parse().unwrap()));
    }
}
