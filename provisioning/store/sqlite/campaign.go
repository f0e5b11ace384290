package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"rollcall/provisioning"
)

// campaignSchema keeps access reviews. What was handed to reviewers and what they decided is only ever added to: the database itself
// lets no program change a snapshot, an item or a decision afterwards.
const campaignSchema = `
create table campaign (id integer primary key, version integer not null, state text not null, stage integer not null, data text not null, created_at integer not null);
create table campaign_part (campaign integer not null references campaign(id), n integer not null, data blob not null, primary key (campaign, n)) without rowid;
create table campaign_snapshot (campaign integer not null references campaign(id), which text not null, data blob not null, primary key (campaign, which)) without rowid;
create table review_decision (
  id integer primary key, campaign integer not null references campaign(id), item integer not null, stage integer not null, verdict text not null,
  reason text not null, target text not null, reviewer text not null check (reviewer <> ''), by text not null check (by <> ''), how text not null, at integer not null);
create index review_decision_campaign on review_decision(campaign, id);
create table review_packet (
  id text primary key, campaign integer not null references campaign(id), data text not null, taken integer not null default 0, answer text not null default '',
  superseded integer not null default 0);
create index review_packet_campaign on review_packet(campaign);
create trigger review_decision_no_update before update on review_decision begin select raise(abort, 'a decision is only ever added'); end;
create trigger review_decision_no_delete before delete on review_decision begin select raise(abort, 'a decision is never forgotten'); end;
create trigger campaign_part_no_update before update on campaign_part begin select raise(abort, 'what was reviewed does not change'); end;
create trigger campaign_part_no_delete before delete on campaign_part begin select raise(abort, 'what was reviewed does not change'); end;
create trigger campaign_snapshot_no_update before update on campaign_snapshot begin select raise(abort, 'a snapshot does not change'); end;
create trigger campaign_snapshot_no_delete before delete on campaign_snapshot begin select raise(abort, 'a snapshot does not change'); end;
create trigger campaign_no_delete before delete on campaign begin select raise(abort, 'a campaign is never forgotten'); end;
create trigger review_packet_no_delete before delete on review_packet begin select raise(abort, 'a packet is never forgotten'); end;
`

// StartCampaign inserts a campaign with its items and its signed opening snapshot.
func (s *Store) StartCampaign(ctx context.Context, c *provisioning.Campaign, items []provisioning.ReviewItem, statement func(id int64) ([][]byte, error),
	e provisioning.Event,
) error {
	parts, err := packItems(items)
	if err != nil {
		return err
	}
	made := *c
	made.Version = 1
	err = s.change(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, "select coalesce(max(id),0)+1 from campaign").Scan(&made.ID); err != nil {
			return unavailable("the campaign cannot be kept", err)
		}
		opening, err := statement(made.ID)
		if err != nil {
			return err
		}
		data, err := json.Marshal(&made)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "insert into campaign (id, version, state, stage, data, created_at) values (?,?,?,?,?,?)",
			made.ID, made.Version, string(made.State), made.Stage, string(data), nanos(made.CreatedAt)); err != nil {
			return unavailable("the campaign cannot be kept", err)
		}
		for n, data := range parts {
			if _, err := tx.ExecContext(ctx, "insert into campaign_part (campaign, n, data) values (?,?,?)", made.ID, n, data); err != nil {
				return unavailable("the campaign cannot be kept", err)
			}
		}
		return keepSnapshot(ctx, tx, made.ID, "opening", opening)
	}, e)
	if err == nil {
		*c = made
	}
	return err
}

// keepSnapshot packs a signed snapshot: it is text, and long. Its parts are packed side by side, each a frame: frames that follow each other
// are unpacked as one text (RFC 8878 section 3).
func keepSnapshot(ctx context.Context, tx *sql.Tx, id int64, which string, parts [][]byte) error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	defer encoder.Close()
	frames := make([][]byte, len(parts))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, part := range parts {
		g.Go(func() error {
			frames[i] = encoder.EncodeAll(part, nil)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "insert into campaign_snapshot (campaign, which, data) values (?,?,?)", id, which, bytes.Join(frames, nil)); err != nil {
		return unavailable("the snapshot cannot be kept", err)
	}
	return nil
}

// packItems encodes a campaign's items in parts, side by side.
func packItems(items []provisioning.ReviewItem) ([][]byte, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, err
	}
	defer encoder.Close()
	parts := make([][]byte, (len(items)+partSize-1)/partSize)
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range parts {
		g.Go(func() error {
			var data bytes.Buffer
			err := gob.NewEncoder(&data).Encode(items[i*partSize : min((i+1)*partSize, len(items))])
			parts[i] = encoder.EncodeAll(data.Bytes(), nil)
			return err
		})
	}
	return parts, g.Wait()
}

// ReviewItems returns the items of a campaign in their order.
func (s *Store) ReviewItems(ctx context.Context, id int64) ([]provisioning.ReviewItem, error) {
	var packed [][]byte
	if err := rows(ctx, s.read, func(r *sql.Rows) error {
		var data []byte
		if err := r.Scan(&data); err != nil {
			return unavailable("the campaign cannot be read", err)
		}
		packed = append(packed, data)
		return nil
	}, "select data from campaign_part where campaign=? order by n", id); err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	items := make([]provisioning.ReviewItem, len(packed)*partSize) // every part is full but the last
	last := 0
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range packed {
		g.Go(func() error {
			data, err := decoder.DecodeAll(packed[i], nil)
			if err != nil {
				return err
			}
			room := items[i*partSize : i*partSize : (i+1)*partSize]
			if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&room); err != nil {
				return err
			}
			switch {
			case i == len(packed)-1 && len(room) <= partSize:
				last = len(room)
			case len(room) != partSize:
				return fmt.Errorf("part %d has %d items, not %d", i+1, len(room), partSize)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, unavailable("the campaign cannot be read", err)
	}
	return items[:max(0, len(packed)-1)*partSize+last], nil
}

// CampaignSnapshot returns a signed snapshot, nil where there is none yet.
func (s *Store) CampaignSnapshot(ctx context.Context, id int64, which string) ([]byte, error) {
	var data []byte
	err := s.read.QueryRowContext(ctx, "select data from campaign_snapshot where campaign=? and which=?", id, which).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable("the snapshot cannot be read", err)
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	text, err := decoder.DecodeAll(data, nil)
	if err != nil {
		return nil, unavailable("the snapshot cannot be read", err)
	}
	return text, nil
}

const campaignColumns = "select data, version, state, stage from campaign"

func scanCampaign(scan func(...any) error) (*provisioning.Campaign, error) {
	var data string
	var version int64
	var state string
	var stage int
	if err := scan(&data, &version, &state, &stage); err != nil {
		return nil, err
	}
	c := &provisioning.Campaign{}
	if err := json.Unmarshal([]byte(data), c); err != nil {
		return nil, err
	}
	c.Version, c.State, c.Stage = version, provisioning.CampaignState(state), stage
	return c, nil
}

// Campaign returns one campaign.
func (s *Store) Campaign(ctx context.Context, id int64) (*provisioning.Campaign, error) {
	c, err := scanCampaign(s.read.QueryRowContext(ctx, campaignColumns+" where id=?", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notFound(fmt.Sprintf("access review %d", id))
	}
	if err != nil {
		return nil, unavailable("the campaign cannot be read", err)
	}
	return c, nil
}

// Campaigns lists them, the newest first.
func (s *Store) Campaigns(ctx context.Context) (list []*provisioning.Campaign, err error) {
	err = rows(ctx, s.read, func(r *sql.Rows) error {
		c, err := scanCampaign(r.Scan)
		if err != nil {
			return unavailable("the campaigns cannot be read", err)
		}
		list = append(list, c)
		return nil
	}, campaignColumns+" order by id desc")
	return list, err
}

// SaveCampaign writes a campaign's own fields, and the closing snapshot where one is given.
func (s *Store) SaveCampaign(ctx context.Context, c *provisioning.Campaign, closing [][]byte, e provisioning.Event) error {
	made := *c
	made.Version++
	data, err := json.Marshal(&made)
	if err != nil {
		return err
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "update campaign set data=?, version=?, state=?, stage=? where id=? and version=?",
			string(data), made.Version, string(made.State), made.Stage, c.ID, c.Version)
		if err := one(r, err, fmt.Sprintf("access review %d was changed meanwhile", c.ID)); err != nil {
			return err
		}
		if closing == nil {
			return nil
		}
		return keepSnapshot(ctx, tx, c.ID, "closing", closing)
	}, e)
	if err == nil {
		*c = made
	}
	return err
}

// DecideReview adds decisions to an open campaign, in its stage.
func (s *Store) DecideReview(ctx context.Context, id int64, decisions []provisioning.ReviewDecision, e provisioning.Event) error {
	return s.change(ctx, func(tx *sql.Tx) error { return addDecisions(ctx, tx, id, decisions) }, e)
}

func addDecisions(ctx context.Context, tx *sql.Tx, id int64, decisions []provisioning.ReviewDecision) error {
	var state string
	var stage int
	err := tx.QueryRowContext(ctx, "select state, stage from campaign where id=?", id).Scan(&state, &stage)
	if errors.Is(err, sql.ErrNoRows) {
		return notFound(fmt.Sprintf("access review %d", id))
	}
	if err != nil {
		return unavailable("the campaign cannot be read", err)
	}
	if state != string(provisioning.CampaignOpen) {
		return stale(fmt.Sprintf("access review %d is %s: it takes no decisions", id, state))
	}
	insert, err := tx.PrepareContext(ctx, "insert into review_decision (campaign, item, stage, verdict, reason, target, reviewer, by, how, at) values (?,?,?,?,?,?,?,?,?,?)")
	if err != nil {
		return unavailable("the decision cannot be kept", err)
	}
	defer insert.Close()
	for _, d := range decisions {
		if d.Stage != stage {
			return stale(fmt.Sprintf("access review %d is in its stage %d meanwhile", id, stage+1))
		}
		if _, err := insert.ExecContext(ctx, id, d.Item, d.Stage, string(d.Verdict), d.Reason, d.To, d.Reviewer, d.By, d.How, nanos(d.At)); err != nil {
			return unavailable("the decision cannot be kept", err)
		}
	}
	return nil
}

// ReviewDecisions walks all decisions of a campaign, oldest first.
func (s *Store) ReviewDecisions(ctx context.Context, id int64, visit func(provisioning.ReviewDecision) error) error {
	return rows(ctx, s.read, func(r *sql.Rows) error {
		var d provisioning.ReviewDecision
		var at int64
		if err := r.Scan(&d.Item, &d.Stage, &d.Verdict, &d.Reason, &d.To, &d.Reviewer, &d.By, &d.How, &at); err != nil {
			return unavailable("the decisions cannot be read", err)
		}
		d.At = fromNanos(at)
		return visit(d)
	}, "select item, stage, verdict, reason, target, reviewer, by, how, at from review_decision where campaign=? order by id", id)
}

// SavePacket keeps a packet; an earlier one of the same reviewer, stage and format that was not taken is superseded.
func (s *Store) SavePacket(ctx context.Context, p provisioning.ReviewPacket, e provisioning.Event) error {
	data, err := json.Marshal(&p)
	if err != nil {
		return err
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `update review_packet set superseded=1 where campaign=? and taken=0 and data->>'reviewer'=? and data->>'stage'=? and data->>'format'=?`,
			p.Campaign, p.Reviewer, p.Stage, p.Format); err != nil {
			return unavailable("the packet cannot be kept", err)
		}
		if _, err := tx.ExecContext(ctx, "insert into review_packet (id, campaign, data) values (?,?,?)", p.ID, p.Campaign, string(data)); err != nil {
			return unavailable("the packet cannot be kept", err)
		}
		return nil
	}, e)
}

const packetColumns = "select data, taken, answer, superseded from review_packet"

func scanPacket(scan func(...any) error) (p provisioning.ReviewPacket, err error) {
	var data string
	var taken int64
	var answer string
	var superseded bool
	if err := scan(&data, &taken, &answer, &superseded); err != nil {
		return p, err
	}
	if err := json.Unmarshal([]byte(data), &p); err != nil {
		return p, err
	}
	p.TakenAt, p.Answer, p.Revoked = fromNanos(taken), answer, superseded
	return p, nil
}

// Packet returns one packet.
func (s *Store) Packet(ctx context.Context, id string) (provisioning.ReviewPacket, error) {
	p, err := scanPacket(s.read.QueryRowContext(ctx, packetColumns+" where id=?", id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return p, notFound("the packet " + id)
	}
	if err != nil {
		return p, unavailable("the packet cannot be read", err)
	}
	return p, nil
}

// Packets lists the packets of a campaign, in the order in which they were made.
func (s *Store) Packets(ctx context.Context, campaign int64) (list []provisioning.ReviewPacket, err error) {
	err = rows(ctx, s.read, func(r *sql.Rows) error {
		p, err := scanPacket(r.Scan)
		if err != nil {
			return unavailable("the packets cannot be read", err)
		}
		list = append(list, p)
		return nil
	}, packetColumns+" where campaign=? order by rowid", campaign)
	return list, err
}

// TakePacket keeps the decisions of a packet's answer, once.
func (s *Store) TakePacket(ctx context.Context, p provisioning.ReviewPacket, decisions []provisioning.ReviewDecision, e provisioning.Event) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, "update review_packet set taken=?, answer=? where id=? and taken=0 and superseded=0", nanos(p.TakenAt), p.Answer, p.ID)
		if err := one(r, err, "the answer to packet "+p.ID+" was taken already, or another packet took its place"); err != nil {
			return err
		}
		return addDecisions(ctx, tx, p.Campaign, decisions)
	}, e)
}
