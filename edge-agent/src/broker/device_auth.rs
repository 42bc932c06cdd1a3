//! What one connection may do, decided by the certificate it came with.

use std::future::{Future, ready};
use std::net::SocketAddr;
use std::pin::Pin;

use mqtt5::broker::auth::{AuthProvider, AuthResult};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use wire::identity::PeerCertificate;
use wire::topics::{Access, DeviceKind, Topic, may};

use super::registry::DeviceRegistry;

pub(super) struct DeviceAuth {
    peer: PeerCertificate,
    kind: DeviceKind,
    registry: DeviceRegistry,
}

impl DeviceAuth {
    pub(super) fn new(peer: PeerCertificate, kind: DeviceKind, registry: DeviceRegistry) -> Self {
        Self { peer, kind, registry }
    }

    /// Why the device may not connect like this, if it may not.
    fn objection(&self, connect: &ConnectPacket) -> Option<ReasonCode> {
        let device = &self.peer.device;
        let will = connect.will.as_ref().map(|will| will.topic.as_str());
        if self.registry.admits(&self.peer).is_none() {
            Some(ReasonCode::NotAuthorized)
        } else if connect.protocol_version != 5 {
            // Older versions know no expiry: a command could arrive at any later time.
            Some(ReasonCode::UnsupportedProtocolVersion)
        } else if connect.client_id != device.as_str() {
            Some(ReasonCode::ClientIdentifierNotValid)
        } else if will.is_some_and(|topic| !self.may(Access::Publish, topic)) {
            Some(ReasonCode::NotAuthorized)
        } else {
            None
        }
    }

    fn may(&self, access: Access, topic: &str) -> bool {
        may(&self.peer.device, self.kind, self.registry.edge(), access, topic)
    }

    /// A device that has just been locked out may still leave its will: that it is lost.
    fn may_now(&self, access: Access, topic: &str) -> bool {
        let admitted = self.registry.admits(&self.peer) == Some(self.kind);
        let farewell =
            access == Access::Publish && topic == Topic::lifecycle(&self.peer.device).to_string();
        (admitted || farewell) && self.may(access, topic)
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl AuthProvider for DeviceAuth {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        client_addr: SocketAddr,
    ) -> Answer<'a, mqtt5::Result<AuthResult>> {
        let device = &self.peer.device;
        let result = match self.objection(connect) {
            None => AuthResult::success_with_user(device.as_str()),
            Some(reason) => {
                tracing::warn!(%device, %client_addr, client_id = connect.client_id, ?reason, "refused on the site bus");
                AuthResult::fail(reason)
            }
        };
        Box::pin(ready(Ok(result)))
    }

    fn authorize_publish<'a>(
        &'a self,
        _client_id: &str,
        _user_id: Option<&'a str>,
        topic: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(ready(self.may_now(Access::Publish, topic)))
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client_id: &str,
        _user_id: Option<&'a str>,
        topic_filter: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(ready(self.may_now(Access::Subscribe, topic_filter)))
    }
}
