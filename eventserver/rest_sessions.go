package eventserver

import (
	"encoding/json"
	"errors"
	"net/http"
)

func (s *Server) listSessions(w http.ResponseWriter, _ *http.Request) error {
	list := []json.RawMessage{}
	for _, one := range s.Sessions() {
		list = append(list, encodeSession(one).text)
	}
	return writeJSON(w, http.StatusOK, map[string]any{"sessions": list})
}

func (s *Server) getSession(w http.ResponseWriter, r *http.Request) error {
	one, err := s.Session(r.PathValue("id"))
	return writeSession(w, http.StatusOK, one, err)
}

// writeSession answers with a session, unless there is an error.
func writeSession(w http.ResponseWriter, status int, one Session, err error) error {
	if err != nil {
		return err
	}
	return writeJSON(w, status, json.RawMessage(encodeSession(one).text))
}

// sessionName is what clients say about a session.
type sessionName struct {
	Name string `json:"name"`
}

// maxName is how long the name of a session may be, in bytes.
const maxName = 200

func readName(w http.ResponseWriter, r *http.Request) (string, error) {
	var o sessionName
	if err := readJSON(w, r, &o); err != nil {
		return "", err
	}
	if len(o.Name) > maxName {
		return "", errors.New("name is too long")
	}
	return o.Name, nil
}

func (s *Server) createSession(w http.ResponseWriter, r *http.Request) error {
	name, err := readName(w, r)
	if err != nil {
		return err
	}
	return writeSession(w, http.StatusCreated, s.CreateSession(name), nil)
}

func (s *Server) renameSession(w http.ResponseWriter, r *http.Request) error {
	name, err := readName(w, r)
	if err != nil {
		return err
	}
	if name == "" {
		return errors.New("name is missing")
	}
	one, err := s.RenameSession(r.PathValue("id"), name)
	return writeSession(w, http.StatusOK, one, err)
}

func (s *Server) activateSession(w http.ResponseWriter, r *http.Request) error {
	one, err := s.ActivateSession(r.PathValue("id"))
	return writeSession(w, http.StatusOK, one, err)
}

func (s *Server) deleteSession(w http.ResponseWriter, r *http.Request) error {
	if err := s.DeleteSession(r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
