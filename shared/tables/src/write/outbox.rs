//! Writing the outbox.

/// Records what became of a claim, if it is still the mail's last; binds the instant, when it is due again, when it was sent,
/// when it was refused, why it failed, why it was refused, the mail's id, the number of the claim.
pub const RECORD: &str = "UPDATE mail_outbox SET attempts = attempts + 1, last_tried_at = ?, claimed_at = NULL, \
        claimed_until = NULL, due_at = coalesce(?, due_at), sent_at = ?, refused_at = ?, \
        failure = coalesce(?, failure), refusal = ? \
    WHERE id = ? AND claims = ? AND claimed_at IS NOT NULL";

/// Deletes what a mail covers, once it is sent or refused; binds the mail's id.
pub const FORGET_COVERED: &str = "DELETE FROM mail_covers WHERE mail_id = ?";
